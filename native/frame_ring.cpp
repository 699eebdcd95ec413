#include "frame_ring.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <new>
#include <stdexcept>

#include "pixels.hpp"

namespace dms {
namespace {

constexpr std::size_t kAlign = 64;  // cache line; also the widest vector

std::size_t checked_stride(int width, int height, PixelFormat format, std::size_t stride) {
  if (width < 1 || height < 1 || width > kMaxFrameSide || height > kMaxFrameSide)
    throw std::invalid_argument("frame size must be 1..8192 in width and height");
  if (static_cast<int>(format) >= kPixelFormatCount)
    throw std::invalid_argument("unknown pixel format");
  const std::size_t least = row_bytes(format, width);
  if (stride == 0) return least;
  if (stride < least || stride > 4 * least + 4096)
    throw std::invalid_argument("stride does not fit the width and format");
  return stride;
}

int checked_slots(int slots) {
  if (slots < 2 || slots > FrameRing::kMaxSlots)
    throw std::invalid_argument("a frame ring has 2..64 slots");
  return slots;
}

std::uint8_t* allocate(std::size_t bytes) {
  void* memory = std::aligned_alloc(kAlign, bytes);
  if (memory == nullptr) throw std::bad_alloc();
  std::memset(memory, 0, bytes);  // page faults now, not in the frame path
  return static_cast<std::uint8_t*>(memory);
}

long futex(std::atomic<std::uint32_t>* word, int op, std::uint32_t value, const timespec* timeout) {
  static_assert(sizeof(std::atomic<std::uint32_t>) == 4);
  return syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(word), op, value, timeout, nullptr, 0);
}

}  // namespace

Pin& Pin::operator=(Pin&& other) noexcept {
  if (this != &other) {
    release();
    ring_ = other.ring_;
    slot_ = other.slot_;
    other.ring_ = nullptr;
  }
  return *this;
}

ImageView Pin::view() const {
  return {ring_->slot_[static_cast<std::size_t>(slot_)].data, ring_->width_, ring_->height_,
          ring_->width_};
}

std::int64_t Pin::t_ns() const {
  return ring_->slot_[static_cast<std::size_t>(slot_)].t_ns.load(std::memory_order_relaxed);
}

std::uint64_t Pin::seq() const {
  return ring_->slot_[static_cast<std::size_t>(slot_)].seq.load(std::memory_order_relaxed);
}

std::uint64_t Pin::ticket() const {
  return ring_->slot_[static_cast<std::size_t>(slot_)].ticket.load(std::memory_order_relaxed);
}

void Pin::release() {
  if (ring_ != nullptr) ring_->unpin(slot_);
  ring_ = nullptr;
}

FrameRing::FrameRing(int slots, int width, int height, PixelFormat format, std::size_t stride)
    : slots_(checked_slots(slots)),
      width_(width),
      height_(height),
      format_(format),
      stride_(checked_stride(width, height, format, stride)),
      memory_(nullptr, std::free),
      slot_(new Slot[static_cast<std::size_t>(slots)]) {
  const std::size_t pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  const std::size_t each = (pixels + kAlign - 1) / kAlign * kAlign;
  memory_.reset(allocate(each * static_cast<std::size_t>(slots)));
  for (std::size_t i = 0; i < static_cast<std::size_t>(slots); ++i)
    slot_[i].data = memory_.get() + i * each;
}

FrameRing::~FrameRing() = default;

std::size_t FrameRing::frame_bytes() const {
  return stride_ * static_cast<std::size_t>(height_ - 1) + row_bytes(format_, width_);
}

bool FrameRing::write(const std::uint8_t* data, std::size_t size, std::int64_t t_ns,
                      std::uint64_t seq) {
  if (data == nullptr || size < frame_bytes()) {
    rejected_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  std::uint8_t* to = begin_write();
  if (to == nullptr) return false;
  for (int y = 0; y < height_; ++y) {
    to_mono8_row(format_, data + static_cast<std::size_t>(y) * stride_, width_,
                 to + static_cast<std::size_t>(y) * static_cast<std::size_t>(width_));
  }
  commit(t_ns, seq);
  return true;
}

std::uint8_t* FrameRing::begin_write() {
  if (writing_ >= 0) abandon();
  for (;;) {
    int oldest = -1;
    std::uint64_t age = std::numeric_limits<std::uint64_t>::max();
    for (int i = 0; i < slots_; ++i) {
      const Slot& s = slot_[static_cast<std::size_t>(i)];
      const std::uint64_t ticket = s.ticket.load(std::memory_order_relaxed);
      if (ticket < age && s.pins.load(std::memory_order_relaxed) == 0) {
        oldest = i;
        age = ticket;
      }
    }
    if (oldest < 0) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return nullptr;
    }
    Slot& s = slot_[static_cast<std::size_t>(oldest)];
    std::int32_t unpinned = 0;
    // Acquire: what readers did with the slot comes before what is written now.
    if (!s.pins.compare_exchange_strong(unpinned, kWriting, std::memory_order_acquire)) continue;
    s.ticket.store(0, std::memory_order_relaxed);
    writing_ = oldest;
    return s.data;
  }
}

void FrameRing::commit(std::int64_t t_ns, std::uint64_t seq) {
  if (writing_ < 0) return;
  Slot& s = slot_[static_cast<std::size_t>(writing_)];
  s.seq.store(seq, std::memory_order_relaxed);
  s.t_ns.store(t_ns, std::memory_order_relaxed);
  s.ticket.store(++tickets_, std::memory_order_release);
  s.pins.store(0, std::memory_order_release);
  writing_ = -1;
  written_.fetch_add(1, std::memory_order_relaxed);
  wake();
}

void FrameRing::abandon() {
  if (writing_ < 0) return;
  slot_[static_cast<std::size_t>(writing_)].pins.store(0, std::memory_order_release);
  writing_ = -1;
}

void FrameRing::close() {
  closed_.store(true, std::memory_order_release);
  wake();
}

bool FrameRing::try_pin(int slot, std::uint64_t ticket) {
  Slot& s = slot_[static_cast<std::size_t>(slot)];
  std::int32_t pins = s.pins.load(std::memory_order_relaxed);
  do {
    if (pins == kWriting) return false;
  } while (!s.pins.compare_exchange_weak(pins, pins + 1, std::memory_order_acquire,
                                         std::memory_order_relaxed));
  if (s.ticket.load(std::memory_order_relaxed) == ticket) return true;
  unpin(slot);  // rewritten since it was chosen
  return false;
}

void FrameRing::unpin(int slot) {
  slot_[static_cast<std::size_t>(slot)].pins.fetch_sub(1, std::memory_order_release);
}

// Pins the frame with the lowest key; a key of 0 means "not this one". Retries when the writer
// took the slot in between, which only happens when a newer frame came.
template <typename Key>
Pin FrameRing::find(Key key) {
  for (;;) {
    int best = -1;
    std::uint64_t best_key = 0;
    std::uint64_t best_ticket = 0;
    for (int i = 0; i < slots_; ++i) {
      const Slot& s = slot_[static_cast<std::size_t>(i)];
      const std::uint64_t ticket = s.ticket.load(std::memory_order_acquire);
      if (ticket == 0) continue;
      const std::uint64_t k = key(ticket);
      if (k != 0 && (best < 0 || k < best_key)) {
        best = i;
        best_key = k;
        best_ticket = ticket;
      }
    }
    if (best < 0) return {};
    if (try_pin(best, best_ticket)) return Pin(this, best);
  }
}

Pin FrameRing::latest() {
  return find([](std::uint64_t ticket) { return ~ticket; });
}

Pin FrameRing::next(std::uint64_t ticket) {
  return find([ticket](std::uint64_t t) { return t > ticket ? t : 0; });
}

RingCounters FrameRing::counters() const {
  return {written_.load(std::memory_order_relaxed), dropped_.load(std::memory_order_relaxed),
          rejected_.load(std::memory_order_relaxed)};
}

bool FrameRing::wait_change(std::uint32_t seen, std::int64_t timeout_ns) {
  if (version() != seen) return true;
  const timespec timeout{static_cast<time_t>(timeout_ns / 1'000'000'000),
                         static_cast<long>(timeout_ns % 1'000'000'000)};
  waiters_.fetch_add(1);  // before the kernel compares: a writer that changes it later will wake
  futex(&version_, FUTEX_WAIT_PRIVATE, seen, &timeout);
  waiters_.fetch_sub(1);
  return version() != seen;
}

void FrameRing::wake() {
  version_.fetch_add(1);
  if (waiters_.load() > 0) futex(&version_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr);
}

}  // namespace dms
