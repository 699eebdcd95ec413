// Fixed frame slots shared by one writer and any number of readers, without locks or copies.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "image.hpp"

namespace dms {

class FrameRing;

// A reader's hold on one slot: while it lives, the frame in the slot stays as it is.
// Must not outlive its ring.
class Pin {
 public:
  Pin() = default;
  Pin(Pin&& other) noexcept : ring_(other.ring_), slot_(other.slot_) { other.ring_ = nullptr; }
  Pin& operator=(Pin&& other) noexcept;
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  ~Pin() { release(); }

  explicit operator bool() const { return ring_ != nullptr; }
  // Only of a pin that holds a frame:
  ImageView view() const;
  std::int64_t t_ns() const;
  std::uint64_t seq() const;
  // The ring's own number of the frame, from 1: how many were written, this one included.
  std::uint64_t ticket() const;

  void release();

 private:
  friend class FrameRing;
  Pin(FrameRing* ring, int slot) : ring_(ring), slot_(slot) {}

  FrameRing* ring_ = nullptr;
  int slot_ = 0;
};

struct RingCounters {
  std::uint64_t written = 0;
  std::uint64_t dropped = 0;   // every slot was pinned
  std::uint64_t rejected = 0;  // too few bytes for the ring's geometry
};

// Slots hold 8-bit mono, rows without padding; other formats are converted as they are written.
// The writer takes the oldest slot that no reader has pinned; with none left the frame is dropped
// and counted. One thread writes; all else may be called from any thread.
class FrameRing {
 public:
  static constexpr int kMaxSlots = 64;

  // `stride`: bytes from row to row of what write() is given; 0 means rows without padding.
  // Throws std::invalid_argument for what cannot be.
  FrameRing(int slots, int width, int height, PixelFormat format, std::size_t stride = 0);
  ~FrameRing();
  FrameRing(const FrameRing&) = delete;
  FrameRing& operator=(const FrameRing&) = delete;

  int slots() const { return slots_; }
  int width() const { return width_; }
  int height() const { return height_; }
  PixelFormat format() const { return format_; }
  std::size_t stride() const { return stride_; }
  // Least bytes of one frame: the last row's padding may be missing.
  std::size_t frame_bytes() const;

  // Writer. False: dropped or rejected, see counters().
  bool write(const std::uint8_t* data, std::size_t size, std::int64_t t_ns, std::uint64_t seq);
  // Writer, in two steps: the slot to fill with 8-bit mono rows, null when it must be dropped;
  // then exactly one of commit() and abandon().
  std::uint8_t* begin_write();
  void commit(std::int64_t t_ns, std::uint64_t seq);
  void abandon();
  // Writer: no frame will follow.
  void close();
  bool closed() const { return closed_.load(std::memory_order_acquire); }

  // Readers. An empty pin if there is no such frame.
  Pin latest();
  // The oldest of those written after the frame with `ticket`, whatever its sequence number.
  Pin next(std::uint64_t ticket);
  RingCounters counters() const;

  // Changes with every frame, close() and wake(). To wait: read it, look for a frame, then
  // wait_change() with what was read. True if it changed before the timeout.
  std::uint32_t version() const { return version_.load(std::memory_order_acquire); }
  bool wait_change(std::uint32_t seen, std::int64_t timeout_ns);
  void wake();

 private:
  friend class Pin;
  struct Slot {
    std::atomic<std::int32_t> pins{0};     // readers, or kWriting
    std::atomic<std::uint64_t> ticket{0};  // count of commits at its commit; 0: no frame
    std::atomic<std::uint64_t> seq{0};
    std::atomic<std::int64_t> t_ns{0};
    std::uint8_t* data = nullptr;
  };
  static constexpr std::int32_t kWriting = -1;

  template <typename Key>
  Pin find(Key key);
  bool try_pin(int slot, std::uint64_t ticket);
  void unpin(int slot);

  const int slots_, width_, height_;
  const PixelFormat format_;
  const std::size_t stride_;
  std::unique_ptr<std::uint8_t, void (*)(void*)> memory_;
  std::unique_ptr<Slot[]> slot_;
  int writing_ = -1;           // the writer's slot
  std::uint64_t tickets_ = 0;  // the writer's
  std::atomic<std::uint64_t> written_{0}, dropped_{0}, rejected_{0};
  std::atomic<std::uint32_t> version_{0};
  std::atomic<std::int32_t> waiters_{0};
  std::atomic<bool> closed_{false};
};

}  // namespace dms
