# runnel_unit_test(NAME LIBS...): tests/unit/test_NAME.c as a cmocka program
# and a ctest of the same name. The one place where unit tests are registered.
function(runnel_unit_test name)
  add_executable(test_${name} ${PROJECT_SOURCE_DIR}/tests/unit/test_${name}.c)
  target_link_libraries(test_${name}
    PRIVATE runnel_flags runnel_test_support ${ARGN} PkgConfig::CMOCKA)
  add_test(NAME unit.${name} COMMAND test_${name})
  set_tests_properties(unit.${name} PROPERTIES TIMEOUT 300 LABELS unit)
endfunction()
