# The packages gatehouse, gatehouse-plugins and libgatehouse-dev, into build/packages:
#
#   cmake --build build --target package
#
# What belongs to fixed places of a system, whatever the prefix, is the component `system`, which
# `cmake --install` leaves out unless it is named.
set(debian ${packaging}/debian)
set(system COMPONENT system EXCLUDE_FROM_ALL)
install(FILES ${packaging}/gatehouse.service ${packaging}/gatehouse.socket
        DESTINATION /usr/lib/systemd/system ${system})
install(FILES ${packaging}/gatehouse.yaml ${PROJECT_SOURCE_DIR}/etc/workflows.yaml
        DESTINATION /etc/gatehouse ${system})
install(DIRECTORY DESTINATION /etc/gatehouse/conf.d ${system})
install(FILES ${packaging}/gatehouse.logrotate RENAME gatehouse DESTINATION /etc/logrotate.d
        ${system})
install(FILES ${debian}/lintian-overrides RENAME gatehouse
        DESTINATION /usr/share/lintian/overrides ${system})

set(CPACK_PACKAGE_CONTACT "Gatehouse maintainers <maintainers@localhost>" CACHE STRING
    "Maintainer of the Debian packages")
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # SOURCE_DATE_EPOCH, where it is set
configure_file(${debian}/changelog.in ${generated}/changelog @ONLY)
compress(${generated}/changelog ${generated}/changelog.gz)

set(packages system gatehouse plugins gatehouse-plugins dev libgatehouse-dev)
while(packages)
  list(POP_FRONT packages component name)
  install(FILES ${debian}/copyright ${generated}/changelog.gz DESTINATION /usr/share/doc/${name}
          COMPONENT ${component} EXCLUDE_FROM_ALL)
endwhile()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME gatehouse)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each package has its own
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)  # for the absolute places
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
    GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL gateway system plugins dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_GATEHOUSE_PACKAGE_NAME gatehouse)
set(CPACK_DEBIAN_GATEHOUSE_PACKAGE_SECTION net)
set(CPACK_DEBIAN_GATEHOUSE_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_GATEHOUSE_PACKAGE_RECOMMENDS "gatehouse-plugins, ca-certificates")
set(CPACK_DEBIAN_GATEHOUSE_PACKAGE_SUGGESTS logrotate)
set(CPACK_DEBIAN_GATEHOUSE_PACKAGE_PROVIDES "gatehouse-abi-1 (= ${abi})")
set(CPACK_DEBIAN_GATEHOUSE_PACKAGE_CONTROL_EXTRA ${debian}/postinst ${debian}/prerm
    ${debian}/postrm ${debian}/conffiles ${debian}/triggers)
set(CPACK_DEBIAN_GATEHOUSE_DESCRIPTION
    "gateway between applications and large language models
A small HTTP server that loads plugins, shared objects chained into a
pipeline by one YAML file. It serves chats to clients of the Vercel AI SDK,
streams what a model responds, and never reports a truncated response as a
complete one.
.
This package has the program and its systemd service. The plugins are in
gatehouse-plugins.")

set(CPACK_DEBIAN_PLUGINS_PACKAGE_NAME gatehouse-plugins)
set(CPACK_DEBIAN_PLUGINS_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PLUGINS_PACKAGE_DEPENDS gatehouse-abi-1)
set(CPACK_COMPONENT_PLUGINS_DESCRIPTION
    "plugins of Gatehouse, a gateway for language models
What makes the gateway useful: access log, CORS, health checks, metrics,
authentication, rate limits, chats, tools of MCP servers, workflows, cache,
retries, Google's Gemini, and a simulator of a model.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libgatehouse-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS libgtest-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_RECOMMENDS "cmake, pkg-config")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "gatehouse, cargo")
set(CPACK_COMPONENT_DEV_DESCRIPTION
    "development of plugins for Gatehouse
Headers for C and C++, crates for Rust, a library for unit tests of
plugins, CMake and pkg-config files, and examples.")

include(CPack)
cpack_add_component_group(gatehouse)
cpack_add_component(gateway GROUP gatehouse)
cpack_add_component(system GROUP gatehouse)
