// The only file that knows Python: pybind11 bindings of the native core.
#include <pybind11/pybind11.h>

PYBIND11_MODULE(_core, m) { m.doc() = "dms native core"; }
