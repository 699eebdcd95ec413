// ONNX Runtime through its C interface: a library opened at run time, and models whose inputs and
// outputs are bound once to memory that the caller owns. Runs on the caller's thread, never takes
// Python's lock, and starts no thread of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net.hpp"
#include "ort_api.hpp"

namespace dms {

/// One input or output of a model, as the model declares it.
struct Port {
  std::string name;
  int type;  // ort_api::ElementType
  std::vector<std::int64_t> shape;

  std::size_t bytes() const;
  /// "uint8 [1,16,28,28] image"
  std::string text() const;
};

/// The opened library and its environment; shared by the sessions and never unloaded.
class OrtLibrary {
 public:
  /// Opens the library at `path` with its telemetry switched off beforehand, by environment
  /// variable and by call. Throws std::runtime_error naming the file.
  explicit OrtLibrary(const std::string& path);
  ~OrtLibrary();
  OrtLibrary(const OrtLibrary&) = delete;
  OrtLibrary& operator=(const OrtLibrary&) = delete;

  const ort_api::Calls& calls() const { return calls_; }
  const ort_api::Env* env() const { return env_; }
  /// "1.28.0"
  const std::string& version() const { return version_; }

 private:
  ort_api::Calls calls_{};
  ort_api::Env* env_ = nullptr;
  std::string version_;
};

/// Something of the library's that its own function releases.
template <typename T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

/// One model. One thread inside a run, no spinning, operators in sequence.
class OrtSession final : public Net {
 public:
  /// Throws std::runtime_error with one line naming the file, what was expected and what found.
  OrtSession(std::shared_ptr<const OrtLibrary> library, std::string path);
  OrtSession(const OrtSession&) = delete;
  OrtSession& operator=(const OrtSession&) = delete;

  const std::string& path() const { return path_; }
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }

  /// Throws where the model's inputs and outputs are not these, in this order.
  void expect(const std::vector<Port>& inputs, const std::vector<Port>& outputs) const;

  /// Binds memory, in the order of `inputs()` and `outputs()`, that must outlive the session and
  /// be as large as the ports. Returns the number of the binding, counted from 0.
  std::size_t bind(const std::vector<const void*>& inputs, const std::vector<void*>& outputs);

  /// Runs binding `slot`: reads its inputs' memory, writes its outputs'. False if the runtime
  /// refused; `error()` then says why.
  bool run(std::size_t slot) noexcept override;
  const char* error() const noexcept override { return error_; }

 private:
  void create(const std::vector<std::uint8_t>& model);
  void configure(ort_api::SessionOptions* options) const;
  std::vector<Port> ports(bool input) const;
  Port port(bool input, std::size_t index, ort_api::Allocator* allocator) const;
  ort_api::Value* wrap(const Port& port, void* memory);
  void check(ort_api::Status* status, const char* doing) const;

  std::shared_ptr<const OrtLibrary> library_;
  const ort_api::Calls& api_;
  std::string path_;
  Owned<ort_api::Session> session_;
  Owned<ort_api::MemoryInfo> memory_;
  std::vector<Port> inputs_, outputs_;
  std::vector<Owned<ort_api::Value>> values_;
  std::vector<Owned<ort_api::IoBinding>> bindings_;
  char error_[256] = "";
};

}  // namespace dms
