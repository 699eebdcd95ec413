// The raw frame stream: how another process hands frames over, through a pipe, fifo or file.
//
// Per frame a 40-byte little-endian header, then the payload:
//   0  magic "DMSF"     4  u16 version = 1     6  u16 format (PixelFormat)
//   8  u32 width       12  u32 height         16  u32 stride, bytes
//  20  u32 payload bytes = stride * height    24  u64 sequence number    32  u64 time [ns]
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

#include "frame_ring.hpp"
#include "image.hpp"

namespace dms {

inline constexpr std::size_t kRawHeaderBytes = 40;
// Stamps are below: 146 years of ns, and no sum of one and a duration overflows.
inline constexpr std::uint64_t kRawTimeEnd = std::uint64_t{1} << 62;
inline constexpr std::uint32_t kMaxRawStride = 4 * kMaxFrameSide;  // 16-bit pixels and as much pad

struct RawHeader {
  PixelFormat format = PixelFormat::kMono8;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t stride = 0;
  std::uint32_t payload = 0;
  std::uint64_t seq = 0;
  std::uint64_t t_ns = 0;
};

enum class RawError { kNone, kMagic, kVersion, kFormat, kSize, kTime };

// An unsigned number of `size` <= 8 bytes.
std::uint64_t little_endian(const std::uint8_t* bytes, int size);

// Reads kRawHeaderBytes bytes. Anything but kNone: `header` is not to be used.
RawError parse_raw_header(const std::uint8_t* bytes, RawHeader* header);

struct RawCounters {
  std::uint64_t frames = 0;   // complete and wanted
  std::uint64_t skipped = 0;  // good headers whose payload the sink refused: size, or no free slot
  std::uint64_t bad_magic = 0;      // once for each stretch of bytes that is not a frame
  std::uint64_t bad_header = 0;     // magic, but version, format, sizes or time are wrong
  std::uint64_t skipped_bytes = 0;  // thrown away while looking for the next frame
  std::uint64_t truncated = 0;      // the stream ended inside a frame
  std::uint64_t missed = 0;         // shared memory only: passed over for a newer one, or overtaken
};

// What a parser's frames go to.
class RawSink {
 public:
  virtual ~RawSink() = default;
  // Where the payload shall go, header.payload bytes; null to skip this frame.
  virtual std::uint8_t* begin(const RawHeader& header) = 0;
  virtual void end(const RawHeader& header) = 0;
  // The stream ended inside the frame begun last.
  virtual void abandon() = 0;
};

// Turns a stream of bytes into frames. Does no I/O and never fails: what is not a frame is
// counted, and skipped up to the next magic. The caller puts bytes where space() says, which is
// the sink's own memory within a payload, so that nothing is copied on the way.
class RawParser {
 public:
  explicit RawParser(RawSink* sink) : sink_(sink) {}

  struct Space {
    std::uint8_t* data;
    std::size_t size;  // > 0
  };
  Space space();
  // `n` <= space().size bytes were put there.
  void advance(std::size_t n);
  // The stream ended.
  void finish();

  // The same for bytes that lie somewhere else already.
  void feed(const std::uint8_t* bytes, std::size_t n);

  const RawCounters& counters() const { return counters_; }

 private:
  void on_header();
  void drop_to_next_magic();

  RawSink* sink_;
  RawCounters counters_;
  RawHeader header_;
  bool in_payload_ = false;
  bool lost_ = false;                // already counted as bad; looking for a magic
  std::uint8_t* payload_ = nullptr;  // null: skipping
  std::size_t have_ = 0;             // bytes of the header or payload so far
  std::uint8_t bytes_[kRawHeaderBytes] = {};
  std::uint8_t discard_[4096] = {};
};

// The sink that puts frames into a ring; those of another geometry than the ring's are refused.
// Mono 8 without padding goes straight into the ring's slot; the rest is staged once and converted
// into it.
class RingSink : public RawSink {
 public:
  explicit RingSink(FrameRing* ring);
  std::uint8_t* begin(const RawHeader& header) override;
  void end(const RawHeader& header) override;
  void abandon() override;

 private:
  FrameRing* ring_;
  bool direct_;
  std::size_t staging_;
  std::unique_ptr<std::uint8_t[]> buffer_;
};

// A thread that reads frames from a file descriptor into a ring and closes the ring at its end.
class FrameReader {
 public:
  virtual ~FrameReader();
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;

  void start();
  // Ends the thread within milliseconds, whatever the writer does.
  void stop();
  bool done() const { return done_.load(std::memory_order_acquire); }
  // errno of the read that ended the stream; 0: end of file, or stopped.
  int error() const { return error_.load(std::memory_order_relaxed); }
  RawCounters counters() const;

 protected:
  // Reads from a duplicate of `fd`. Throws std::system_error if there is none to be had.
  FrameReader(int fd, std::shared_ptr<FrameRing> ring);
  // The thread's body. Every derived class stops the thread in its destructor.
  virtual void loop() = 0;
  // Makes loop() see stopping() now; loop() must see it soon without, too.
  virtual void interrupt() {}

  bool stopping() const { return stopping_.load(std::memory_order_acquire); }
  void fail(int error) { error_.store(error, std::memory_order_relaxed); }
  void publish(const RawCounters& counters);
  int fd() const { return fd_; }
  RingSink* sink() { return &sink_; }

 private:
  struct SharedCounters {
    std::atomic<std::uint64_t> frames{0}, skipped{0}, bad_magic{0}, bad_header{0}, skipped_bytes{0},
        truncated{0}, missed{0};
  };

  int fd_ = -1;
  std::shared_ptr<FrameRing> ring_;
  RingSink sink_;
  std::thread thread_;
  SharedCounters shared_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> done_{false};
  std::atomic<int> error_{0};
};

// The reader of a raw frame stream: pipe, fifo or file.
class RawReader final : public FrameReader {
 public:
  // `prefix` bytes, at most one header, were read from the stream before.
  RawReader(int fd, std::shared_ptr<FrameRing> ring, const std::uint8_t* prefix = nullptr,
            std::size_t prefix_bytes = 0);
  ~RawReader() override;  // stops

 private:
  void loop() override;
  void interrupt() override;
  bool wait_readable();

  int wake_fd_ = -1;
  RawParser parser_;
};

}  // namespace dms
