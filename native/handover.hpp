// A small ring that hands values from one thread to another and, when full, forgets the oldest.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace dms {

// One thread pushes, one thread pops; neither ever waits for the other. Values are copied into
// places of their own: a place is owned by the pusher, by the popper, by the queue of the full or
// by that of the free, so a push that drops the oldest never writes where the popper reads.
template <typename Value, std::uint32_t Capacity>
class Handover {
 public:
  Handover() {
    for (std::uint32_t i = 1; i < kPlaces; ++i) put(free_, i);
  }
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  /// True if the oldest value was dropped to make room.
  bool push(const Value& value) {
    values_[writing_] = value;
    const bool dropped = full_.size() >= Capacity;
    std::uint32_t next = 0;
    // The popper may empty the queue of the full meanwhile, and then hands back a free place.
    const bool forgot = dropped && take(full_, next);
    put(full_, writing_);
    while (!forgot && !take(free_, next) && !take(full_, next)) {
    }
    writing_ = next;
    return forgot;
  }

  /// False if there is none.
  bool pop(Value& value) {
    std::uint32_t place = 0;
    if (!take(full_, place)) return false;
    value = values_[place];
    put(free_, place);
    return true;
  }

 private:
  // Places: those in the queue, one being written, one being read, one to spare.
  static constexpr std::uint32_t kPlaces = Capacity + 3;

  struct Queue {
    std::array<std::atomic<std::uint32_t>, kPlaces> cells{};
    std::atomic<std::uint64_t> head{0};  // counts up for ever, so a stale head never matches
    std::atomic<std::uint64_t> tail{0};
    std::uint64_t size() const {
      return tail.load(std::memory_order_acquire) - head.load(std::memory_order_acquire);
    }
  };

  static void put(Queue& queue, std::uint32_t place) {
    const std::uint64_t tail = queue.tail.load(std::memory_order_relaxed);
    queue.cells[tail % kPlaces].store(place, std::memory_order_relaxed);
    queue.tail.store(tail + 1, std::memory_order_release);
  }

  // Either thread may take from the queue of the full: the pusher to drop, the popper to read.
  static bool take(Queue& queue, std::uint32_t& place) {
    std::uint64_t head = queue.head.load(std::memory_order_acquire);
    while (head != queue.tail.load(std::memory_order_acquire)) {
      place = queue.cells[head % kPlaces].load(std::memory_order_relaxed);
      if (queue.head.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel)) return true;
    }
    return false;
  }

  std::array<Value, kPlaces> values_{};
  Queue full_, free_;
  std::uint32_t writing_ = 0;  // the pusher's
};

}  // namespace dms
