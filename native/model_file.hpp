// Reads a model file and says what is wrong with it before ONNX Runtime has to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dms {

/// The oldest and newest operator sets accepted: 13 brought per-channel quantisation, 21 is the
/// newest that every runtime from 1.22 on serves; ours are written with 17.
constexpr std::int64_t kOldestOpset = 13;
constexpr std::int64_t kNewestOpset = 21;

/// The bytes of the model at `path`, whose operator set is within the range above.
/// Throws std::runtime_error with one line "path: expected ..., found ...".
std::vector<std::uint8_t> read_model(const std::string& path);

}  // namespace dms
