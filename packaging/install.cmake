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
        LIBRARY DESTINATION lib/gatehouse/sdk COMPONENT dev)
install(EXPORT GatehouseTargets NAMESPACE Gatehouse:: DESTINATION ${cmakedir} COMPONENT dev)
install(FILES ${sdk}/cmake/GatehouseSDKConfig.cmake ${sdk}/cmake/GatehouseSDK.cmake
              ${sdk}/cmake/plugin.map ${version_file} DESTINATION ${cmakedir} COMPONENT dev)
foreach(name gatehouse-sdk gatehouse-testing)
  configure_file(${sdk}/cmake/${name}.pc.in ${generated}/${name}.pc @ONLY)
  install(FILES ${generated}/${name}.pc DESTINATION share/pkgconfig COMPONENT dev)
endforeach()
install(DIRECTORY ${sdk}/rust DESTINATION share/gatehouse COMPONENT dev PATTERN target EXCLUDE)
install(FILES ${sdk}/README.md DESTINATION share/doc/libgatehouse-dev COMPONENT dev)
install(DIRECTORY ${sdk}/example/ DESTINATION share/doc/libgatehouse-dev/examples COMPONENT dev)

# Compressed as Debian requires it, without a time (-n), so that a build is reproducible.
find_program(GZIP gzip REQUIRED)
function(compress file out)
  execute_process(COMMAND ${GZIP} -9nc ${file} OUTPUT_FILE ${out} COMMAND_ERROR_IS_FATAL ANY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
endfunction()

set(packaging ${PROJECT_SOURCE_DIR}/packaging)
set(docs ${PROJECT_SOURCE_DIR}/docs)
compress(${packaging}/gatehouse.1 ${generated}/gatehouse.1.gz)
install(FILES ${generated}/gatehouse.1.gz DESTINATION share/man/man1 COMPONENT gateway)
install(FILES ${packaging}/gatehouse.bash-completion RENAME gatehouse
        DESTINATION share/bash-completion/completions COMPONENT gateway)
install(FILES ${docs}/configuration.md ${docs}/operations.md ${docs}/security.md
              ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${PROJECT_SOURCE_DIR}/etc/gatehouse.yaml
        DESTINATION share/doc/gatehouse COMPONENT gateway)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/etc/grafana ${PROJECT_SOURCE_DIR}/etc/prometheus
        DESTINATION share/gatehouse COMPONENT gateway)
