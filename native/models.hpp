// Opens the model files and ties them to the engine's memory.
#pragma once

#include <memory>
#include <string>

#include "net.hpp"
#include "ort.hpp"

namespace dms {

struct ModelPaths {
  std::string face;
  std::string eyes;
  std::string cabin;
  std::string body;
  std::string action;
};

/// `memory` must outlive the result. Throws std::runtime_error with one line naming the file,
/// what was expected of it and what was found.
Nets open_models(const std::shared_ptr<const OrtLibrary>& library, const ModelPaths& paths,
                 NetMemory& memory);

}  // namespace dms
