# Flags of all code written here. Generated code is built without them.
# clang's -Wconversion takes in -Wsign-conversion, gcc's does not: one rule for
# both, since an enum of codes is unsigned to clang and signed to gcc.
add_library(runnel_flags INTERFACE)
target_compile_options(runnel_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wvla -Wpointer-arith -Wwrite-strings
  -Wstrict-prototypes -Wmissing-prototypes -Wundef
  $<$<BOOL:${RUNNEL_WERROR}>:-Werror>
  # At -O3 gcc inlines a callee and then doubts results (ret_ parameters) that
  # are there whenever its code is RNL_OK. Below -O3 the warning stays.
  $<$<AND:$<C_COMPILER_ID:GNU>,$<CONFIG:RelWithDebInfo>>:-Wno-maybe-uninitialized>)
target_compile_definitions(runnel_flags INTERFACE
  _GNU_SOURCE RNL_VERSION="${PROJECT_VERSION}")

if(RUNNEL_SANITIZE)
  add_compile_options(-fsanitize=${RUNNEL_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${RUNNEL_SANITIZE})
endif()
