// The files bind*.cpp alone know Python: pybind11 bindings of the native core.
#include "bind.hpp"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "frame_ring.hpp"
#include "frame_stats.hpp"
#include "preprocess.hpp"
#include "raw_reader.hpp"
#include "shared_reader.hpp"
#include "tensor_ring.hpp"

namespace py = pybind11;

namespace dms {

ImageView view_of(const Bytes& frame) {
  if (frame.ndim() != 2) throw std::invalid_argument("a frame is uint8 of shape (height, width)");
  const ImageView view{frame.data(), static_cast<int>(frame.shape(1)),
                       static_cast<int>(frame.shape(0)), frame.shape(1)};
  if (frame.shape(0) > kMaxFrameSide || frame.shape(1) > kMaxFrameSide || !view.valid())
    throw std::invalid_argument("frame size must be 1..8192 in width and height");
  return view;
}

namespace {

using RoiTuple = std::array<double, 5>;

constexpr std::array<const char*, kPixelFormatCount> kFormatNames = {
    "mono8", "mono10le", "mono12le", "mono16le", "raw10p"};

PixelFormat format_from(const std::string& name) {
  for (std::size_t i = 0; i < kFormatNames.size(); ++i) {
    if (name == kFormatNames[i]) return static_cast<PixelFormat>(i);
  }
  throw std::invalid_argument("pixel format '" + name +
                              "' is not one of mono8, mono10le, mono12le, mono16le, raw10p");
}

// --- frame ring

// A pin that Python objects share: the handle, and every array made from it.
struct HeldPin {
  std::shared_ptr<FrameRing> ring;  // declared first: outlives the pin
  Pin pin;
};

class PinHandle {
 public:
  PinHandle(std::shared_ptr<FrameRing> ring, Pin pin)
      : held_(std::make_shared<HeldPin>(HeldPin{std::move(ring), std::move(pin)})) {}

  const Pin& pin() const {
    if (!held_) throw std::runtime_error("the pin was released");
    return held_->pin;
  }
  void release() { held_.reset(); }

  // Read-only, of the slot's own memory; the array keeps the ring alive and the slot pinned.
  py::array array() const {
    const ImageView view = pin().view();
    auto* owner = new std::shared_ptr<HeldPin>(held_);
    const py::capsule base(owner,
                           [](void* p) { delete static_cast<std::shared_ptr<HeldPin>*>(p); });
    py::array_t<std::uint8_t> out({view.height, view.width}, {view.stride, py::ssize_t{1}},
                                  view.data, base);
    out.attr("flags").attr("writeable") = false;
    return out;
  }

 private:
  std::shared_ptr<HeldPin> held_;
};

py::object handle_of(const std::shared_ptr<FrameRing>& ring, Pin pin) {
  if (!pin) return py::none();
  return py::cast(PinHandle(ring, std::move(pin)));
}

bool write_buffer(FrameRing& ring, const py::buffer& buffer, std::int64_t t_ns, std::uint64_t seq) {
  Py_buffer raw;
  if (PyObject_GetBuffer(buffer.ptr(), &raw, PyBUF_C_CONTIGUOUS) != 0)
    throw py::error_already_set();
  bool written = false;
  {
    const py::gil_scoped_release release;
    written = ring.write(static_cast<const std::uint8_t*>(raw.buf),
                         static_cast<std::size_t>(raw.len), t_ns, seq);
  }
  PyBuffer_Release(&raw);
  return written;
}

void bind_frame_ring(py::module_& m) {
  py::class_<PinHandle>(m, "Pin")
      .def_property_readonly("array", &PinHandle::array)
      .def_property_readonly("t_ns", [](const PinHandle& p) { return p.pin().t_ns(); })
      .def_property_readonly("seq", [](const PinHandle& p) { return p.pin().seq(); })
      .def_property_readonly("ticket", [](const PinHandle& p) { return p.pin().ticket(); })
      .def("release", &PinHandle::release)
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__", [](PinHandle& p, const py::args&) { p.release(); });

  using Ring = std::shared_ptr<FrameRing>;
  py::class_<FrameRing, Ring>(m, "FrameRing")
      .def(py::init([](int slots, int width, int height, const std::string& format,
                       std::size_t stride) {
             return std::make_shared<FrameRing>(slots, width, height, format_from(format), stride);
           }),
           py::arg("slots"), py::arg("width"), py::arg("height"), py::arg("format") = "mono8",
           py::arg("stride") = 0)
      .def("write", &write_buffer, py::arg("buffer"), py::arg("t_ns"), py::arg("seq"))
      .def("close", &FrameRing::close)
      .def("wait_change", &FrameRing::wait_change, py::arg("seen"), py::arg("timeout_ns"),
           py::call_guard<py::gil_scoped_release>())
      .def_property_readonly("version", &FrameRing::version)
      .def("latest", [](const Ring& r) { return handle_of(r, r->latest()); })
      .def(
          "next", [](const Ring& r, std::uint64_t ticket) { return handle_of(r, r->next(ticket)); },
          py::arg("ticket"))
      .def_property_readonly("slots", &FrameRing::slots)
      .def_property_readonly("width", &FrameRing::width)
      .def_property_readonly("height", &FrameRing::height)
      .def_property_readonly("stride", &FrameRing::stride)
      .def_property_readonly(
          "format",
          [](const FrameRing& r) { return kFormatNames[static_cast<std::size_t>(r.format())]; })
      .def_property_readonly("closed", &FrameRing::closed)
      .def_property_readonly("written", [](const FrameRing& r) { return r.counters().written; })
      .def_property_readonly("dropped", [](const FrameRing& r) { return r.counters().dropped; })
      .def_property_readonly("rejected", [](const FrameRing& r) { return r.counters().rejected; });
}

// --- preprocess

CropSpec spec_from(int width, int height, int block, bool mirror) {
  const CropSpec spec{width, height, block, mirror};
  if (!spec.valid())
    throw std::invalid_argument(
        "a crop has block 1, 2 or 4, sides that are multiples of it, and at most 65536 pixels");
  return spec;
}

Bytes tensor_for(const CropSpec& spec) {
  return Bytes(std::vector<py::ssize_t>{spec.block * spec.block, spec.height / spec.block,
                                        spec.width / spec.block});
}

Roi roi_from(const RoiTuple& r) { return {r[0], r[1], r[2], r[3], r[4]}; }

Bytes run_preprocessor(Preprocessor& preprocessor, const Bytes& frame, const RoiTuple& roi,
                       int width, int height, int block, bool mirror) {
  const ImageView view = view_of(frame);
  const CropSpec spec = spec_from(width, height, block, mirror);
  Bytes out = tensor_for(spec);
  std::uint8_t* to = out.mutable_data();
  bool done = false;
  {
    const py::gil_scoped_release release;
    done = preprocessor.run(view, roi_from(roi), spec, to);
  }
  if (!done) throw std::invalid_argument("the frame is larger than the preprocessor was made for");
  return out;
}

Bytes run_reference(const Bytes& frame, const RoiTuple& roi, int width, int height, int block,
                    bool mirror) {
  const CropSpec spec = spec_from(width, height, block, mirror);
  Bytes out = tensor_for(spec);
  preprocess_reference(view_of(frame), roi_from(roi), spec, out.mutable_data());
  return out;
}

Bytes run_once(const Bytes& frame, const RoiTuple& roi, int width, int height, int block,
               bool mirror) {
  const ImageView view = view_of(frame);
  Preprocessor preprocessor(view.width, view.height);
  return run_preprocessor(preprocessor, frame, roi, width, height, block, mirror);
}

void bind_preprocess(py::module_& m) {
  py::class_<Preprocessor>(m, "Preprocessor")
      .def(py::init<int, int>(), py::arg("max_width"), py::arg("max_height"))
      .def("run", &run_preprocessor, py::arg("frame").noconvert(), py::arg("roi"), py::arg("out_w"),
           py::arg("out_h"), py::arg("block"), py::arg("mirror") = false)
      .def("use_portable_kernels", &Preprocessor::use_portable_kernels)
      .def_property_readonly("kernels", &Preprocessor::kernels_name);
  m.def("preprocess", &run_once, py::arg("frame").noconvert(), py::arg("roi"), py::arg("out_w"),
        py::arg("out_h"), py::arg("block"), py::arg("mirror") = false);
  m.def("preprocess_reference", &run_reference, py::arg("frame").noconvert(), py::arg("roi"),
        py::arg("out_w"), py::arg("out_h"), py::arg("block"), py::arg("mirror") = false);
}

void bind_frame_stats(py::module_& m) {
  py::class_<FrameStats>(m, "FrameStats")
      .def_readonly("mean", &FrameStats::mean)
      .def_readonly("stddev", &FrameStats::stddev)
      .def_readonly("dark", &FrameStats::dark)
      .def_readonly("saturated", &FrameStats::saturated)
      .def_readonly("sharpness", &FrameStats::sharpness)
      .def_readonly("hash", &FrameStats::hash);
  m.def(
      "frame_stats", [](const Bytes& frame) { return frame_stats(view_of(frame)); },
      py::arg("frame").noconvert());
}

// --- tensor ring

const std::uint8_t* row_of(const TensorRing& ring, const Bytes& row) {
  if (row.ndim() != 1 || row.shape(0) != ring.width())
    throw std::invalid_argument("a row is uint8 of shape (width,)");
  return row.data();
}

// Read-only, of the ring's own memory: it changes as the ring is written.
py::array window_of(const py::object& self) {
  const auto& ring = self.cast<const TensorRing&>();
  py::array_t<std::uint8_t> out({ring.rows(), ring.width()}, {ring.width(), 1}, ring.window(),
                                self);
  out.attr("flags").attr("writeable") = false;
  return out;
}

void bind_tensor_ring(py::module_& m) {
  py::class_<TensorRing>(m, "TensorRing")
      .def(py::init<int, int>(), py::arg("rows"), py::arg("width"))
      .def(
          "push", [](TensorRing& r, const Bytes& row) { r.push(row_of(r, row)); },
          py::arg("row").noconvert())
      .def(
          "fill", [](TensorRing& r, const Bytes& row) { r.fill(row_of(r, row)); },
          py::arg("row").noconvert())
      .def("clear", &TensorRing::clear)
      .def_property_readonly("window", &window_of)
      .def_property_readonly("slot", &TensorRing::slot)
      .def_property_readonly("filled", &TensorRing::filled)
      .def_property_readonly("rows", &TensorRing::rows)
      .def_property_readonly("width", &TensorRing::width);
}

// --- raw reader

py::dict counters_of(const FrameReader& reader) {
  const RawCounters c = reader.counters();
  py::dict out;
  out["frames"] = c.frames;
  out["skipped"] = c.skipped;
  out["bad_magic"] = c.bad_magic;
  out["bad_header"] = c.bad_header;
  out["skipped_bytes"] = c.skipped_bytes;
  out["truncated"] = c.truncated;
  out["missed"] = c.missed;
  return out;
}

std::unique_ptr<RawReader> make_raw_reader(int fd, std::shared_ptr<FrameRing> ring,
                                           const py::bytes& prefix) {
  const std::string_view bytes = prefix;
  if (bytes.size() > kRawHeaderBytes)
    throw std::invalid_argument("the prefix is longer than one frame header of 40 bytes");
  return std::make_unique<RawReader>(
      fd, std::move(ring), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

void bind_raw_reader(py::module_& m) {
  py::class_<FrameReader>(m, "FrameReader")
      .def("start", &FrameReader::start)
      .def("stop", &FrameReader::stop, py::call_guard<py::gil_scoped_release>())
      .def_property_readonly("done", &FrameReader::done)
      .def_property_readonly("error", &FrameReader::error)
      .def_property_readonly("counters", &counters_of);
  py::class_<RawReader, FrameReader>(m, "RawReader")
      .def(py::init(&make_raw_reader), py::arg("fd"), py::arg("ring"),
           py::arg("prefix") = py::bytes());
  py::class_<SharedReader, FrameReader>(m, "SharedReader")
      .def(py::init<int, std::shared_ptr<FrameRing>>(), py::arg("fd"), py::arg("ring"));
}

}  // namespace
}  // namespace dms

PYBIND11_MODULE(_core, m) {
  m.doc() = "dms native core";
  dms::bind_frame_ring(m);
  dms::bind_preprocess(m);
  dms::bind_frame_stats(m);
  dms::bind_tensor_ring(m);
  dms::bind_raw_reader(m);
  dms::bind_engine(m);
}
