#include "pixels.hpp"

#include <cstring>

#include "kernels.hpp"

namespace dms {
namespace {

void to_mono8_with(const Kernels& kernels, PixelFormat format, const std::uint8_t* src, int width,
                   std::uint8_t* dst) {
  switch (format) {
    case PixelFormat::kMono8:
      std::memcpy(dst, src, static_cast<std::size_t>(width));
      return;
    case PixelFormat::kMono10Le:
      return kernels.narrow_row(src, 2, width, dst);
    case PixelFormat::kMono12Le:
      return kernels.narrow_row(src, 4, width, dst);
    case PixelFormat::kMono16Le:
      return kernels.narrow_row(src, 8, width, dst);
    case PixelFormat::kRaw10Packed:
      return kernels.raw10_row(src, width, dst);
  }
}

}  // namespace

void to_mono8_row(PixelFormat format, const std::uint8_t* src, int width, std::uint8_t* dst) {
  to_mono8_with(best_kernels(), format, src, width, dst);
}

void to_mono8_row_reference(PixelFormat format, const std::uint8_t* src, int width,
                            std::uint8_t* dst) {
  to_mono8_with(portable_kernels(), format, src, width, dst);
}

}  // namespace dms
