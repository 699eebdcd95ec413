// What is no model is said to be none, whatever its bytes; sanitizers watch the reading.
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.hpp"
#include "model_file.hpp"

namespace {

using Bytes = std::vector<std::uint8_t>;

/// ir_version 8, an empty graph, operator set `version`.
Bytes model(int version) {
  return {0x08, 8, 0x3a, 0, 0x42, 2, 0x10, static_cast<std::uint8_t>(version)};
}

class File {
 public:
  explicit File(const Bytes& bytes) {
    const int fd = mkstemp(path_.data());
    CHECK(fd >= 0);
    CHECK(write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    close(fd);
  }
  ~File() { std::remove(path_.c_str()); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/dms_model_XXXXXX";
};

/// The error's text, or "" where the file is a model.
std::string error_of(const Bytes& bytes) {
  const File file(bytes);
  try {
    CHECK(dms::read_model(file.path()) == bytes);
    return "";
  } catch (const std::runtime_error& error) {
    const std::string text = error.what();
    CHECK(text.find(file.path()) == 0);
    CHECK(text.find("expected") != std::string::npos && text.find("found") != std::string::npos);
    return text;
  }
}

void a_model_is_read_whole() {
  for (const int version : {13, 17, 21}) CHECK(error_of(model(version)).empty());
}

void operator_sets_out_of_range_are_named() {
  CHECK(error_of(model(12)).find("found 12") != std::string::npos);
  CHECK(error_of(model(22)).find("found 22") != std::string::npos);
  Bytes foreign = model(17);
  foreign.insert(foreign.end(), {0x42, 5, 0x0a, 1, 'x', 0x10, 99});
  CHECK(error_of(foreign).empty());
}

void every_cut_is_noticed() {
  const Bytes whole = model(17);
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(!error_of(Bytes(whole.begin(), whole.begin() + static_cast<long>(size))).empty());
}

void random_bytes_do_no_harm() {
  check::Random random(3);
  for (int i = 0; i < 300; ++i) {
    Bytes bytes(static_cast<std::size_t>(random.below(60)));
    for (auto& byte : bytes) byte = random.byte();
    if (i % 2 == 0) {
      bytes = model(17);
      bytes[static_cast<std::size_t>(random.below(8))] = random.byte();
    }
    error_of(bytes);
  }
}

}  // namespace

int main() {
  a_model_is_read_whole();
  operator_sets_out_of_range_are_named();
  every_cut_is_noticed();
  random_bytes_do_no_harm();
  return check::result();
}
