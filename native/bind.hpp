// What the binding files share.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "image.hpp"

namespace dms {

/// Never a plain array_t: that would convert, and misread strides.
using Bytes = pybind11::array_t<std::uint8_t, pybind11::array::c_style>;

/// Throws std::invalid_argument for what is no frame.
ImageView view_of(const Bytes& frame);

/// Inference, the engine and its thread.
void bind_engine(pybind11::module_& m);

}  // namespace dms
