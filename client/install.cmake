# What others link: librunnel.so, librunnel.a, the headers, runnel.pc and a
# CMake package. tests/package installs it and builds the examples against it.
include(CMakePackageConfigHelpers)

# Everything that the library is made of, but for libprotobuf-c and OpenSSL. Of
# runnel_common it is UTF-8 alone.
set(objects
  $<TARGET_OBJECTS:runnel_client>
  $<TARGET_OBJECTS:runnel_proto>
  $<TARGET_OBJECTS:runnel_schema>
  $<TARGET_OBJECTS:runnel_timer>
  $<FILTER:$<TARGET_OBJECTS:runnel_common>,INCLUDE,utf8>)

add_library(librunnel SHARED ${objects})
add_library(librunnel_static STATIC ${objects})
add_library(runnel::runnel ALIAS librunnel)
add_library(runnel::static ALIAS librunnel_static)

# As long as the major version is 0, a minor one may break programs: struct
# members of results may move.
set(soversion ${PROJECT_VERSION_MAJOR})
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
endif()
set_target_properties(librunnel PROPERTIES
  OUTPUT_NAME runnel
  EXPORT_NAME runnel
  VERSION ${PROJECT_VERSION}
  SOVERSION ${soversion})
set_target_properties(librunnel_static PROPERTIES
  OUTPUT_NAME runnel
  EXPORT_NAME static)
foreach(target librunnel librunnel_static)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
  target_include_directories(${target} INTERFACE
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/proto/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
# By name, so that the exported targets need no imported one of ours.
target_link_directories(librunnel
  PRIVATE ${PROTOBUF_C_LIBRARY_DIRS} ${OPENSSL_LIBRARY_DIRS})
target_link_libraries(librunnel
  PRIVATE ${PROTOBUF_C_LIBRARIES} ${OPENSSL_LIBRARIES})
target_link_libraries(librunnel_static
  INTERFACE ${PROTOBUF_C_LIBRARIES} ${OPENSSL_LIBRARIES})
if(NOT RUNNEL_SANITIZE)
  target_link_options(librunnel PRIVATE -Wl,--no-undefined)
endif()

# --- install ---

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/runnel)
install(TARGETS librunnel EXPORT runnel
  LIBRARY COMPONENT librunnel NAMELINK_COMPONENT librunnel-dev)
install(TARGETS librunnel_static EXPORT runnel
  ARCHIVE COMPONENT librunnel-dev)
install(DIRECTORY include/runnel ${PROJECT_SOURCE_DIR}/proto/include/runnel
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT librunnel-dev)
install(EXPORT runnel NAMESPACE runnel:: FILE runnel-targets.cmake
  DESTINATION ${package} COMPONENT librunnel-dev)

configure_package_config_file(packaging/runnel-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/runnel-config.cmake
  INSTALL_DESTINATION ${package}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(
  ${CMAKE_CURRENT_BINARY_DIR}/runnel-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/runnel-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/runnel-config-version.cmake
  DESTINATION ${package} COMPONENT librunnel-dev)

# runnel.pc finds its prefix from where it lies, so that a tree can be moved.
file(RELATIVE_PATH pc_to_prefix
  /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_to_prefix "${pc_to_prefix}")
configure_file(packaging/runnel.pc.in runnel.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/runnel.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT librunnel-dev)
