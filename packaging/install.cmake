# What `cmake --install` installs: components gateway, plugins and dev. The tree may be moved: the
# program finds its plugins, and each file of the SDK the others, relative to itself.

set(abi_header ${PROJECT_SOURCE_DIR}/sdk/include/gatehouse/abi/text.h)
file(STRINGS ${abi_header} abi REGEX "^#define GH_ABI_(MAJOR|MINOR) ")
string(REGEX REPLACE "^.*MAJOR ([0-9]+).*MINOR ([0-9]+)$" "\\1.\\2" abi "${abi}")

set(generated ${PROJECT_BINARY_DIR}/packaging)
set(sdk ${PROJECT_SOURCE_DIR}/sdk)
set(cmakedir lib/cmake/GatehouseSDK)

install(TARGETS gatehouse RUNTIME DESTINATION bin COMPONENT gateway)

install(DIRECTORY ${sdk}/include/gatehouse DESTINATION include COMPONENT dev)
install(TARGETS gatehouse_sdk gatehouse_testing EXPORT GatehouseTargets
        LIBRARY DESTINATION lib/gatehouse COMPONENT dev)
install(EXPORT GatehouseTargets NAMESPACE Gatehouse:: DESTINATION ${cmakedir} COMPONENT dev)
install(FILES ${sdk}/cmake/GatehouseSDKConfig.cmake ${sdk}/cmake/GatehouseSDK.cmake
              ${sdk}/cmake/plugin.map ${version_file} DESTINATION ${cmakedir} COMPONENT dev)
configure_file(${sdk}/cmake/gatehouse-sdk.pc.in ${generated}/gatehouse-sdk.pc @ONLY)
install(FILES ${generated}/gatehouse-sdk.pc DESTINATION lib/pkgconfig COMPONENT dev)
install(DIRECTORY ${sdk}/example/ DESTINATION share/doc/libgatehouse-dev/examples COMPONENT dev)

# For plugins in Rust: the crates, and the library of their tests.
if(TARGET gatehouse_testing_c)
  install(TARGETS gatehouse_testing_c LIBRARY DESTINATION lib/gatehouse/sdk COMPONENT dev)
  install(DIRECTORY ${sdk}/rust/ DESTINATION share/gatehouse/rust COMPONENT dev
          PATTERN target EXCLUDE PATTERN examples EXCLUDE)
endif()
