// The window of embeddings that the temporal network sees, always contiguous in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

namespace dms {

// `rows` rows of `width` bytes. Each row is written twice, `rows` apart, so that the newest
// `rows` rows, oldest first, lie side by side at one of `rows` fixed addresses: a network's input
// can be bound to each of them once.
class TensorRing {
 public:
  TensorRing(int rows, int width)
      : rows_(rows > 0 ? rows : 1),
        width_(width > 0 ? width : 1),
        data_(new std::uint8_t[2 * window_bytes()]()) {}
  TensorRing(const TensorRing&) = delete;
  TensorRing& operator=(const TensorRing&) = delete;

  int rows() const { return rows_; }
  int width() const { return width_; }
  std::size_t window_bytes() const {
    return static_cast<std::size_t>(rows_) * static_cast<std::size_t>(width_);
  }
  // Rows pushed since the start or the last clear(), at most rows().
  int filled() const { return filled_; }

  // The first row fills the whole window: until it is full, the oldest row repeats.
  void push(const std::uint8_t* row) {
    if (filled_ == 0) {
      fill(row);
      filled_ = 1;
      return;
    }
    write(slot_, row);
    slot_ = slot_ + 1 == rows_ ? 0 : slot_ + 1;
    if (filled_ < rows_) ++filled_;
  }

  // Every row of the window becomes `row`; counts as a full window.
  void fill(const std::uint8_t* row) {
    for (int i = 0; i < rows_; ++i) write(i, row);
    slot_ = 0;
    filled_ = rows_;
  }

  void clear() { filled_ = 0; }

  // Which of the rows() window addresses is current.
  int slot() const { return slot_; }
  const std::uint8_t* window() const { return window_at(slot_); }
  const std::uint8_t* window_at(int slot) const { return data_.get() + offset(slot); }

 private:
  std::size_t offset(int row) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(width_);
  }
  void write(int row, const std::uint8_t* from) {
    const auto n = static_cast<std::size_t>(width_);
    std::memcpy(data_.get() + offset(row), from, n);
    std::memcpy(data_.get() + offset(row + rows_), from, n);
  }

  int rows_, width_;
  int slot_ = 0;  // the oldest row, next to be overwritten
  int filled_ = 0;
  std::unique_ptr<std::uint8_t[]> data_;
};

}  // namespace dms
