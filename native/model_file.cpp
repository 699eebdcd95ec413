#include "model_file.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace dms {
namespace {

// An ONNX file is one protocol-buffer message. Only its top level is walked here.
constexpr std::uint64_t kOpsetField = 8;   // ModelProto.opset_import
constexpr std::uint64_t kGraphField = 7;   // ModelProto.graph
constexpr std::uint64_t kDomainField = 1;  // OperatorSetIdProto.domain
constexpr std::uint64_t kVersionField = 2;

constexpr std::streamoff kLargestModel = 256'000'000;  // bytes; ours have < 1 MB

struct Span {
  const std::uint8_t* at;
  const std::uint8_t* end;
};

struct Field {
  std::uint64_t number;
  std::uint64_t value;  // of a varint
  Span bytes;           // of a length-delimited field
};

bool read_varint(Span& in, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && in.at < in.end; shift += 7) {
    const std::uint8_t byte = *in.at++;
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80U) return true;
  }
  return false;
}

bool take_bytes(Span& in, std::uint64_t count, Span& bytes) {
  if (count > static_cast<std::uint64_t>(in.end - in.at)) return false;
  bytes = {in.at, in.at + count};
  in.at += count;
  return true;
}

/// One field; false where the message is cut short or no protocol buffer.
bool read_field(Span& in, Field& field) {
  std::uint64_t key = 0;
  if (!read_varint(in, key)) return false;
  field = {key >> 3U, 0, {in.at, in.at}};
  switch (key & 7U) {
    case 0:
      return read_varint(in, field.value);
    case 1:
      return take_bytes(in, 8, field.bytes);
    case 2:
      return read_varint(in, field.value) && take_bytes(in, field.value, field.bytes);
    case 5:
      return take_bytes(in, 4, field.bytes);
    default:
      return false;
  }
}

/// The version if this entry is for ONNX's own operators, else 0.
std::int64_t opset_of(Span entry) {
  std::int64_t version = 0;
  Field field{};
  while (entry.at < entry.end && read_field(entry, field)) {
    if (field.number == kVersionField) version = static_cast<std::int64_t>(field.value);
    const auto length = static_cast<std::size_t>(field.bytes.end - field.bytes.at);
    const bool foreign = length > 0 && !(length == 7 && !std::memcmp(field.bytes.at, "ai.onnx", 7));
    if (field.number == kDomainField && foreign) return 0;
  }
  return version;
}

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw std::runtime_error(path + ": " + what);
}

void check(const std::string& path, Span model) {
  const auto size = std::to_string(model.end - model.at);
  std::int64_t opset = 0;
  bool graph = false;
  Field field{};
  while (model.at < model.end) {
    if (!read_field(model, field))
      fail(path, "expected a whole ONNX model, found " + size + " bytes that are cut short or are" +
                     " not a model; install the file again");
    if (field.number == kOpsetField) opset = std::max(opset, opset_of(field.bytes));
    graph = graph || field.number == kGraphField;
  }
  if (!graph) fail(path, "expected an ONNX model, found " + size + " bytes without a graph");
  if (opset < kOldestOpset || opset > kNewestOpset)
    fail(path, "expected operator set " + std::to_string(kOldestOpset) + " to " +
                   std::to_string(kNewestOpset) + ", found " + std::to_string(opset));
}

}  // namespace

std::vector<std::uint8_t> read_model(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) fail(path, "expected an ONNX model, found no file that can be read");
  const auto size = static_cast<std::streamoff>(file.tellg());
  if (size < 0 || size > kLargestModel)
    fail(path, "expected an ONNX model of at most 256 MB, found something that is none");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) fail(path, "expected an ONNX model, found a file that cannot be read to its end");
  check(path, {bytes.data(), bytes.data() + bytes.size()});
  return bytes;
}

}  // namespace dms
