#include "kernels.hpp"

namespace dms {
#if !defined(__x86_64__) && !defined(__aarch64__)
const Kernels& best_kernels() { return portable_kernels(); }
#else
const Kernels& best_kernels() { return portable_kernels(); }
#endif
}  // namespace dms
