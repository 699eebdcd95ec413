#include "models.hpp"

#include <utility>
#include <vector>

namespace dms {
namespace {

using ort_api::kFloat32;
using ort_api::kUint8;

/// The image tensor of a crop: space-to-depth with `block`.
Port image_port(int width, int height, int block) {
  return {"image", kUint8, {1, block * block, height / block, width / block}};
}

using Session = std::unique_ptr<OrtSession>;

Session open_face(const std::shared_ptr<const OrtLibrary>& library, const std::string& path,
                  NetMemory& memory) {
  auto net = std::make_unique<OrtSession>(library, path);
  net->expect({image_port(kFaceSide, kFaceSide, 4)}, {{"out", kFloat32, {1, FaceOutput::kSize}}});
  net->bind({memory.face_image.data()}, {memory.face.data()});
  return net;
}

Session open_eyes(const std::shared_ptr<const OrtLibrary>& library, const std::string& path,
                  NetMemory& memory) {
  auto net = std::make_unique<OrtSession>(library, path);
  net->expect({image_port(kEyeSide, kEyeSide, 2), {"pose", kFloat32, {1, 2}}},
              {{"out", kFloat32, {1, EyeOutput::kSize}}});
  net->bind({memory.eye_image.data(), memory.eye_pose.data()}, {memory.eye.data()});
  return net;
}

/// `cabin` or `body`, which see the same size of picture.
Session open_wide(const std::shared_ptr<const OrtLibrary>& library, const std::string& path,
                  NetMemory& memory, const Port& says, void* at) {
  auto net = std::make_unique<OrtSession>(library, path);
  net->expect({image_port(HeatMap::kInputWidth, HeatMap::kInputHeight, 4)}, {says});
  net->bind({memory.wide_image.data()}, {at});
  return net;
}

Session open_action(const std::shared_ptr<const OrtLibrary>& library, const std::string& path,
                    NetMemory& memory) {
  auto net = std::make_unique<OrtSession>(library, path);
  net->expect({{"window", kUint8, {1, kWindowSteps, kEmbedding}}},
              {{"out", kFloat32, {1, kActions}}});
  for (int slot = 0; slot < kWindowSteps; ++slot)
    net->bind({memory.window.window_at(slot)}, {memory.action.data()});
  net->bind({memory.still_window.window_at(0)}, {memory.action.data()});
  return net;
}

}  // namespace

Nets open_models(const std::shared_ptr<const OrtLibrary>& library, const ModelPaths& paths,
                 NetMemory& memory) {
  const Port det{"det", kFloat32, {1, HeatMap::kChannels, HeatMap::kRows, HeatMap::kColumns}};
  const Port emb{"emb", kUint8, {1, kEmbedding}};
  return {open_face(library, paths.face, memory), open_eyes(library, paths.eyes, memory),
          open_wide(library, paths.cabin, memory, det, memory.heat.data()),
          open_wide(library, paths.body, memory, emb, memory.embedding.data()),
          open_action(library, paths.action, memory)};
}

}  // namespace dms
