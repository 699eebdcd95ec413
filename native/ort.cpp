#include "ort.hpp"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "model_file.hpp"

namespace dms {
namespace {

using ort_api::Status;

std::size_t element_bytes(int type) {
  switch (type) {
    case ort_api::kUint8:
    case ort_api::kInt8:
      return 1;
    case ort_api::kFloat32:
      return 4;
    case ort_api::kInt64:
      return 8;
    default:
      return 0;
  }
}

std::string element_name(int type) {
  switch (type) {
    case ort_api::kUint8:
      return "uint8";
    case ort_api::kInt8:
      return "int8";
    case ort_api::kFloat32:
      return "float32";
    case ort_api::kInt64:
      return "int64";
    default:
      return "type " + std::to_string(type);
  }
}

bool same(const Port& a, const Port& b) {
  return a.name == b.name && a.type == b.type && a.shape == b.shape;
}

std::string text(const std::vector<Port>& ports) {
  std::string all;
  for (const Port& port : ports) all += (all.empty() ? "" : ", ") + port.text();
  return all;
}

void expect_ports(const std::string& path, const char* kind, const std::vector<Port>& expected,
                  const std::vector<Port>& found) {
  bool equal = expected.size() == found.size();
  for (std::size_t i = 0; equal && i < found.size(); ++i) equal = same(expected[i], found[i]);
  if (!equal)
    throw std::runtime_error(path + ": expected " + kind + " " + text(expected) + ", found " +
                             text(found));
}

/// The runtime's message without its source positions and line breaks.
std::string one_line(const char* message) {
  std::string line(message);
  for (char& c : line)
    if (c == '\n' || c == '\r') c = ' ';
  return line;
}

const ort_api::ApiBase* open_library(const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    throw std::runtime_error(path + ": expected the ONNX Runtime library, found: " + dlerror());
  void* symbol = dlsym(handle, "OrtGetApiBase");
  if (!symbol)
    throw std::runtime_error(path + ": expected the ONNX Runtime library, found one without " +
                             "OrtGetApiBase");
  return reinterpret_cast<const ort_api::ApiBase* (*)()>(symbol)();
}

}  // namespace

std::size_t Port::bytes() const {
  std::size_t count = element_bytes(type);
  for (const std::int64_t size : shape) count *= size > 0 ? static_cast<std::size_t>(size) : 0;
  return count;
}

std::string Port::text() const {
  std::string dims;
  for (const std::int64_t size : shape) dims += (dims.empty() ? "" : ",") + std::to_string(size);
  return element_name(type) + " [" + dims + "] " + name;
}

OrtLibrary::OrtLibrary(const std::string& path) {
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  const ort_api::ApiBase* base = open_library(path);
  version_ = base->get_version_string();
  const void* table = base->get_api(ort_api::kApiVersion);
  if (!table)
    throw std::runtime_error(path + ": expected ONNX Runtime 1.18 or later, found " + version_);
  calls_ = ort_api::load(table);
  Status* status = calls_.create_env(ort_api::kLogFatal, "dms", &env_);
  if (!status) status = calls_.disable_telemetry_events(env_);
  if (!status) return;
  const std::string message = one_line(calls_.get_error_message(status));
  calls_.release_status(status);
  throw std::runtime_error(path + ": ONNX Runtime " + version_ + " does not start: " + message);
}

OrtLibrary::~OrtLibrary() {
  if (env_) calls_.release_env(env_);
}

OrtSession::OrtSession(std::shared_ptr<const OrtLibrary> library, std::string path)
    : library_(std::move(library)),
      api_(library_->calls()),
      path_(std::move(path)),
      session_(nullptr, api_.release_session),
      memory_(nullptr, api_.release_memory_info) {
  create(read_model(path_));
  inputs_ = ports(true);
  outputs_ = ports(false);
  ort_api::MemoryInfo* memory = nullptr;
  check(api_.create_cpu_memory_info(ort_api::kArenaAllocator, ort_api::kDefaultMemory, &memory),
        "describe memory");
  memory_.reset(memory);
}

void OrtSession::configure(ort_api::SessionOptions* options) const {
  check(api_.set_intra_op_threads(options, 1), "set threads");
  check(api_.set_inter_op_threads(options, 1), "set threads");
  check(api_.set_execution_mode(options, ort_api::kSequential), "set the execution mode");
  check(api_.set_optimisation_level(options, ort_api::kAllOptimisations), "set optimisations");
  check(api_.set_log_severity(options, ort_api::kLogFatal), "set the log level");
  check(api_.add_config_entry(options, "session.intra_op.allow_spinning", "0"), "set spinning");
  check(api_.add_config_entry(options, "session.inter_op.allow_spinning", "0"), "set spinning");
  // Weights need not live in an arena, which would round their memory up to a power of two.
  check(api_.add_config_entry(options, "session.use_device_allocator_for_initializers", "1"),
        "set the allocator");
}

void OrtSession::create(const std::vector<std::uint8_t>& model) {
  ort_api::SessionOptions* raw = nullptr;
  check(api_.create_session_options(&raw), "make options");
  const Owned<ort_api::SessionOptions> options(raw, api_.release_session_options);
  configure(raw);
  ort_api::Session* session = nullptr;
  check(api_.create_session_from_array(library_->env(), model.data(), model.size(), raw, &session),
        "load the model");
  session_.reset(session);
}

std::vector<Port> OrtSession::ports(bool input) const {
  ort_api::Allocator* allocator = nullptr;
  check(api_.default_allocator(&allocator), "find an allocator");
  std::size_t count = 0;
  check(
      input ? api_.input_count(session_.get(), &count) : api_.output_count(session_.get(), &count),
      "count");
  std::vector<Port> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(port(input, i, allocator));
  return all;
}

Port OrtSession::port(bool input, std::size_t index, ort_api::Allocator* allocator) const {
  char* name = nullptr;
  check((input ? api_.input_name : api_.output_name)(session_.get(), index, allocator, &name),
        "name");
  Port port{name, ort_api::kUndefined, {}};
  check(api_.allocator_free(allocator, name), "free a name");
  ort_api::TypeInfo* raw = nullptr;
  check((input ? api_.input_type : api_.output_type)(session_.get(), index, &raw), "read a type");
  const Owned<ort_api::TypeInfo> type(raw, api_.release_type_info);
  const ort_api::TensorInfo* tensor = nullptr;
  check(api_.cast_to_tensor_info(raw, &tensor), "read a type");
  if (!tensor) return port;
  std::size_t rank = 0;
  check(api_.element_type(tensor, &port.type), "read a type");
  check(api_.dimension_count(tensor, &rank), "read a shape");
  port.shape.resize(rank);
  check(api_.dimensions(tensor, port.shape.data(), rank), "read a shape");
  return port;
}

void OrtSession::expect(const std::vector<Port>& inputs, const std::vector<Port>& outputs) const {
  expect_ports(path_, inputs.size() == 1 ? "input" : "inputs", inputs, inputs_);
  expect_ports(path_, outputs.size() == 1 ? "output" : "outputs", outputs, outputs_);
}

ort_api::Value* OrtSession::wrap(const Port& port, void* memory) {
  if (port.bytes() == 0)
    throw std::runtime_error(path_ + ": expected a fixed shape, found " + port.text());
  ort_api::Value* value = nullptr;
  check(api_.create_tensor(memory_.get(), memory, port.bytes(), port.shape.data(),
                           port.shape.size(), port.type, &value),
        "wrap memory");
  values_.emplace_back(value, api_.release_value);
  return value;
}

std::size_t OrtSession::bind(const std::vector<const void*>& inputs,
                             const std::vector<void*>& outputs) {
  ort_api::IoBinding* binding = nullptr;
  check(api_.create_io_binding(session_.get(), &binding), "bind");
  bindings_.emplace_back(binding, api_.release_io_binding);
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    // The interface has no tensor of constant memory; an input is only read.
    ort_api::Value* value = wrap(inputs_[i], const_cast<void*>(inputs.at(i)));
    check(api_.bind_input(binding, inputs_[i].name.c_str(), value), "bind an input");
  }
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    ort_api::Value* value = wrap(outputs_[i], outputs.at(i));
    check(api_.bind_output(binding, outputs_[i].name.c_str(), value), "bind an output");
  }
  return bindings_.size() - 1;
}

bool OrtSession::run(std::size_t slot) noexcept {
  Status* status = api_.run_with_binding(session_.get(), nullptr, bindings_[slot].get());
  if (!status) return true;
  std::snprintf(error_, sizeof(error_), "%s: %s", path_.c_str(), api_.get_error_message(status));
  api_.release_status(status);
  return false;
}

void OrtSession::check(Status* status, const char* doing) const {
  if (!status) return;
  const std::string message = one_line(api_.get_error_message(status));
  api_.release_status(status);
  throw std::runtime_error(path_ + ": expected a model that ONNX Runtime " + library_->version() +
                           " can run, found one where it cannot " + doing + ": " + message);
}

}  // namespace dms
