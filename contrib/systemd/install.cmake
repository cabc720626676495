# Install the units, which call the program where it is installed, into a folder
# that systemd looks into if the prefix is /usr or /usr/local; and the pattern
# for their options beside the documentation.
set(WALFETCH_SYSTEMD_DIR "lib/systemd/system" CACHE PATH
	"Where the units are installed")

file(GLOB units CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/*.service"
	"${CMAKE_CURRENT_LIST_DIR}/*.timer")
foreach(unit IN LISTS units)
	file(READ "${unit}" text)
	string(REGEX REPLACE "(ExecStart=|exec )walfetch "
		"\\1${CMAKE_INSTALL_FULL_BINDIR}/walfetch " text "${text}")
	get_filename_component(name "${unit}" NAME)
	file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/systemd/${name}" "${text}")
	install(FILES "${CMAKE_CURRENT_BINARY_DIR}/systemd/${name}"
		DESTINATION "${WALFETCH_SYSTEMD_DIR}")
endforeach()
install(FILES "${CMAKE_CURRENT_LIST_DIR}/walfetch.conf"
	DESTINATION "${CMAKE_INSTALL_DOCDIR}")
