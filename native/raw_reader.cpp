#include "raw_reader.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "thread.hpp"

namespace dms {
namespace {

constexpr char kMagic[4] = {'D', 'M', 'S', 'F'};
constexpr std::uint64_t kVersion = 1;

bool sizes_agree(const RawHeader& h) {
  constexpr auto kSide = static_cast<std::uint32_t>(kMaxFrameSide);
  return h.width >= 1 && h.width <= kSide && h.height >= 1 && h.height <= kSide &&
         h.stride <= kMaxRawStride && h.stride >= row_bytes(h.format, static_cast<int>(h.width)) &&
         h.payload == h.stride * h.height;  // at most 2^28: no overflow
}

}  // namespace

std::uint64_t little_endian(const std::uint8_t* bytes, int size) {
  std::uint64_t value = 0;
  for (int i = size; i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

RawError parse_raw_header(const std::uint8_t* bytes, RawHeader* header) {
  if (std::memcmp(bytes, kMagic, sizeof kMagic) != 0) return RawError::kMagic;
  if (little_endian(bytes + 4, 2) != kVersion) return RawError::kVersion;
  const std::uint64_t format = little_endian(bytes + 6, 2);
  if (format >= kPixelFormatCount) return RawError::kFormat;
  const auto u32 = [bytes](int at) {
    return static_cast<std::uint32_t>(little_endian(bytes + at, 4));
  };
  *header = {static_cast<PixelFormat>(format),
             u32(8),
             u32(12),
             u32(16),
             u32(20),
             little_endian(bytes + 24, 8),
             little_endian(bytes + 32, 8)};
  if (!sizes_agree(*header)) return RawError::kSize;
  return header->t_ns < kRawTimeEnd ? RawError::kNone : RawError::kTime;
}

// --- RawParser

RawParser::Space RawParser::space() {
  if (!in_payload_) return {bytes_ + have_, kRawHeaderBytes - have_};
  const std::size_t left = header_.payload - have_;
  if (payload_ != nullptr) return {payload_ + have_, left};
  return {discard_, std::min(left, sizeof discard_)};
}

void RawParser::advance(std::size_t n) {
  have_ += n;
  if (!in_payload_) {
    if (have_ == kRawHeaderBytes) on_header();
    return;
  }
  if (have_ < header_.payload) return;
  if (payload_ != nullptr) {
    ++counters_.frames;
    sink_->end(header_);
  }
  in_payload_ = false;
  have_ = 0;
}

void RawParser::on_header() {
  const RawError error = parse_raw_header(bytes_, &header_);
  if (error == RawError::kNone) {
    lost_ = false;
    in_payload_ = true;
    have_ = 0;
    payload_ = sink_->begin(header_);
    if (payload_ == nullptr) ++counters_.skipped;
    return;
  }
  if (error != RawError::kMagic) {
    ++counters_.bad_header;
  } else if (!lost_) {
    ++counters_.bad_magic;
  }
  lost_ = true;
  drop_to_next_magic();
}

// Keeps the header's bytes from the first place, after its start, where a magic may begin.
void RawParser::drop_to_next_magic() {
  std::size_t at = 1;
  while (at < kRawHeaderBytes &&
         std::memcmp(bytes_ + at, kMagic, std::min(sizeof kMagic, kRawHeaderBytes - at)) != 0)
    ++at;
  counters_.skipped_bytes += at;
  have_ = kRawHeaderBytes - at;
  std::memmove(bytes_, bytes_ + at, have_);
}

void RawParser::finish() {
  if (in_payload_ || (have_ > 0 && !lost_)) ++counters_.truncated;
  if (in_payload_ && payload_ != nullptr) sink_->abandon();
  in_payload_ = false;
  have_ = 0;
}

void RawParser::feed(const std::uint8_t* bytes, std::size_t n) {
  while (n > 0) {
    const Space to = space();
    const std::size_t take = std::min(n, to.size);
    std::memcpy(to.data, bytes, take);
    advance(take);
    bytes += take;
    n -= take;
  }
}

// --- RingSink

RingSink::RingSink(FrameRing* ring)
    : ring_(ring),
      direct_(ring->format() == PixelFormat::kMono8 &&
              ring->stride() == static_cast<std::size_t>(ring->width())),
      staging_(direct_ ? 0 : ring->stride() * static_cast<std::size_t>(ring->height())),
      buffer_(direct_ ? nullptr : new std::uint8_t[staging_]()) {}

std::uint8_t* RingSink::begin(const RawHeader& h) {
  const bool fits = h.format == ring_->format() && h.stride == ring_->stride() &&
                    static_cast<int>(h.width) == ring_->width() &&
                    static_cast<int>(h.height) == ring_->height();
  if (!fits) return nullptr;
  return direct_ ? ring_->begin_write() : buffer_.get();
}

void RingSink::end(const RawHeader& h) {
  const auto t_ns = static_cast<std::int64_t>(h.t_ns);
  if (direct_) {
    ring_->commit(t_ns, h.seq);
  } else {
    ring_->write(buffer_.get(), staging_, t_ns, h.seq);
  }
}

void RingSink::abandon() {
  if (direct_) ring_->abandon();
}

// --- FrameReader

FrameReader::FrameReader(int fd, std::shared_ptr<FrameRing> ring)
    : ring_(std::move(ring)), sink_(ring_.get()) {
  fd_ = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "raw frame stream");
}

FrameReader::~FrameReader() { close(fd_); }

void FrameReader::start() {
  if (thread_.joinable() || done()) return;
  thread_ = start_thread([this] {
    loop();
    ring_->close();
    done_.store(true, std::memory_order_release);
  });
}

void FrameReader::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_release);
  interrupt();
  thread_.join();
}

void FrameReader::publish(const RawCounters& c) {
  shared_.frames.store(c.frames, std::memory_order_relaxed);
  shared_.skipped.store(c.skipped, std::memory_order_relaxed);
  shared_.bad_magic.store(c.bad_magic, std::memory_order_relaxed);
  shared_.bad_header.store(c.bad_header, std::memory_order_relaxed);
  shared_.skipped_bytes.store(c.skipped_bytes, std::memory_order_relaxed);
  shared_.truncated.store(c.truncated, std::memory_order_relaxed);
  shared_.missed.store(c.missed, std::memory_order_relaxed);
}

RawCounters FrameReader::counters() const {
  return {shared_.frames.load(std::memory_order_relaxed),
          shared_.skipped.load(std::memory_order_relaxed),
          shared_.bad_magic.load(std::memory_order_relaxed),
          shared_.bad_header.load(std::memory_order_relaxed),
          shared_.skipped_bytes.load(std::memory_order_relaxed),
          shared_.truncated.load(std::memory_order_relaxed),
          shared_.missed.load(std::memory_order_relaxed)};
}

// --- RawReader

RawReader::RawReader(int fd, std::shared_ptr<FrameRing> ring, const std::uint8_t* prefix,
                     std::size_t prefix_bytes)
    : FrameReader(fd, std::move(ring)), parser_(sink()) {
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  parser_.feed(prefix, std::min(prefix_bytes, kRawHeaderBytes));
}

RawReader::~RawReader() {
  stop();
  close(wake_fd_);
}

void RawReader::interrupt() {
  const std::uint64_t one = 1;
  // Cannot fail: the counter is far from full, and a wake-up already pending is enough.
  const ssize_t written = write(wake_fd_, &one, sizeof one);
  static_cast<void>(written);
}

// False: stop() was called.
bool RawReader::wait_readable() {
  pollfd fds[2] = {{fd(), POLLIN, 0}, {wake_fd_, POLLIN, 0}};
  while (poll(fds, 2, -1) < 0 && errno == EINTR) {
  }
  return (fds[1].revents & POLLIN) == 0;
}

void RawReader::loop() {
  while (wait_readable()) {
    const RawParser::Space to = parser_.space();
    const ssize_t n = read(fd(), to.data, to.size);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) fail(errno);
    if (n <= 0) break;
    parser_.advance(static_cast<std::size_t>(n));
    publish(parser_.counters());
  }
  parser_.finish();
  publish(parser_.counters());
}

}  // namespace dms
