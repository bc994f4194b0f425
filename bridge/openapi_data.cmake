# cmake -DIN=openapi.json -DOUT=openapi_data.c -P openapi_data.cmake
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT}
"#include \"openapi.h\"
const unsigned char rnl_openapi[] = {${bytes}};
const size_t rnl_openapi_len = sizeof(rnl_openapi);
")
