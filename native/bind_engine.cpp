// pybind11 bindings of inference, the engine and its thread; called by bind.cpp.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bind.hpp"
#include "engine.hpp"
#include "live.hpp"
#include "models.hpp"
#include "ort.hpp"
#include "peak.hpp"

namespace py = pybind11;

namespace dms {
namespace {

// --- ONNX Runtime alone, for tests and benchmarks

using Library = std::shared_ptr<const OrtLibrary>;

const char* type_name(int type) {
  if (type == ort_api::kUint8) return "uint8";
  if (type == ort_api::kFloat32) return "float32";
  if (type == ort_api::kInt8) return "int8";
  if (type == ort_api::kInt64) return "int64";
  throw std::invalid_argument("a tensor type that is none of uint8, int8, int64, float32");
}

/// A session whose inputs and outputs are NumPy arrays that it keeps.
class ArraySession {
 public:
  ArraySession(const std::string& path, const std::string& library)
      : session_(std::make_shared<OrtLibrary>(library), path) {
    inputs_ = arrays(session_.inputs());
    outputs_ = arrays(session_.outputs());
    std::vector<const void*> in;
    std::vector<void*> out;
    for (auto& array : inputs_) in.push_back(array.mutable_data());
    for (auto& array : outputs_) out.push_back(array.mutable_data());
    session_.bind(in, out);
  }

  static py::list describe(const std::vector<Port>& ports) {
    py::list all;
    for (const Port& port : ports)
      all.append(py::make_tuple(port.name, type_name(port.type), port.shape));
    return all;
  }
  py::list inputs() const { return describe(session_.inputs()); }
  py::list outputs() const { return describe(session_.outputs()); }

  std::map<std::string, py::array> run(const std::map<std::string, py::array>& feeds) {
    feed(feeds);
    run_once();
    std::map<std::string, py::array> results;
    for (std::size_t i = 0; i < outputs_.size(); ++i)
      results[session_.outputs()[i].name] = outputs_[i].attr("copy")();
    return results;
  }

  /// CPU time of each of `repeats` runs on what was fed last [ns].
  std::vector<std::int64_t> time_ns(int repeats) {
    std::vector<std::int64_t> times;
    const py::gil_scoped_release release;
    for (int i = 0; i < repeats; ++i) {
      const std::int64_t start = thread_cpu_ns();
      if (!session_.run(0)) throw std::runtime_error(session_.error());
      times.push_back(thread_cpu_ns() - start);
    }
    return times;
  }

 private:
  static std::vector<py::array> arrays(const std::vector<Port>& ports) {
    std::vector<py::array> all;
    for (const Port& port : ports) all.emplace_back(py::dtype(type_name(port.type)), port.shape);
    return all;
  }

  void feed(const std::map<std::string, py::array>& feeds) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const auto given = feeds.find(session_.inputs()[i].name);
      if (given == feeds.end())
        throw std::invalid_argument("no value for input " + session_.inputs()[i].text());
      py::array& to = inputs_[i];
      if (!given->second.dtype().is(to.dtype()) && !given->second.dtype().equal(to.dtype()))
        throw std::invalid_argument("wrong type for input " + session_.inputs()[i].text());
      to[py::ellipsis()] = given->second;
    }
  }

  void run_once() {
    const py::gil_scoped_release release;
    if (!session_.run(0)) throw std::runtime_error(session_.error());
  }

  OrtSession session_;
  std::vector<py::array> inputs_, outputs_;
};

void bind_ort(py::module_& m) {
  py::class_<ArraySession>(m, "Session")
      .def(py::init<const std::string&, const std::string&>(), py::arg("path"), py::arg("library"))
      .def_property_readonly("inputs", &ArraySession::inputs)
      .def_property_readonly("outputs", &ArraySession::outputs)
      .def("run", &ArraySession::run, py::arg("feeds"))
      .def("time_ns", &ArraySession::time_ns, py::arg("repeats"));
  m.def(
      "ort_version", [](const std::string& library) { return OrtLibrary(library).version(); },
      py::arg("library"));
  m.def("int8_peak_ns", &int8_peak_ns, py::arg("rounds"), py::call_guard<py::gil_scoped_release>());
  m.def("int8_peak_multiply_adds", &int8_peak_multiply_adds, py::arg("rounds"));
}

// --- what was seen

py::array_t<float> landmarks_of(const FaceSeen& face) {
  py::array_t<float> points({kLandmarks, 2});
  std::copy(face.landmarks_px.begin(), face.landmarks_px.end(), points.mutable_data());
  return points;
}

template <typename T>
py::object where(bool known, const T& value) {
  return known ? py::cast(value) : py::none();
}

void bind_seen(py::module_& m) {
  py::class_<EyeSeen>(m, "EyeSeen")
      .def_readonly("visible", &EyeSeen::visible)
      .def_readonly("known", &EyeSeen::known)
      .def_readonly("open", &EyeSeen::open)
      .def_readonly("open_sigma", &EyeSeen::open_sigma)
      .def_readonly("closed", &EyeSeen::closed)
      .def_readonly("gaze_yaw_rad", &EyeSeen::gaze_yaw_rad)
      .def_readonly("gaze_pitch_rad", &EyeSeen::gaze_pitch_rad)
      .def_readonly("gaze_sigma_rad", &EyeSeen::gaze_sigma_rad);
  py::class_<FaceSeen>(m, "FaceSeen")
      .def_readonly("score", &FaceSeen::score)
      .def_readonly("box_px", &FaceSeen::box_px)
      .def_property_readonly("landmarks_px", &landmarks_of)
      .def_readonly("yaw_rad", &FaceSeen::yaw_rad)
      .def_readonly("pitch_rad", &FaceSeen::pitch_rad)
      .def_readonly("roll_rad", &FaceSeen::roll_rad)
      .def_readonly("rotation_sigma_rad", &FaceSeen::rotation_sigma_rad)
      .def_readonly("mouth_open", &FaceSeen::mouth_open)
      .def_readonly("sunglasses", &FaceSeen::sunglasses)
      .def_readonly("mask", &FaceSeen::mask)
      .def_readonly("occluded", &FaceSeen::occluded)
      .def_readonly("right", &FaceSeen::right)
      .def_readonly("left", &FaceSeen::left);
  py::class_<ActionSeen>(m, "ActionSeen")
      .def_readonly("probabilities", &ActionSeen::probabilities)
      .def_readonly("age_ns", &ActionSeen::age_ns)
      .def_readonly("window_steps", &ActionSeen::window_steps);
  py::class_<QualitySeen>(m, "QualitySeen")
      .def_readonly("mean", &QualitySeen::mean)
      .def_readonly("contrast", &QualitySeen::contrast)
      .def_readonly("dark", &QualitySeen::dark)
      .def_readonly("saturated", &QualitySeen::saturated)
      .def_readonly("sharpness", &QualitySeen::sharpness)
      .def_readonly("frozen_frames", &QualitySeen::frozen_frames)
      .def_readonly("drift", &QualitySeen::drift)
      .def_readonly("face_sharpness", &QualitySeen::face_sharpness);
  py::class_<Seen>(m, "Seen")
      .def_readonly("seq", &Seen::seq)
      .def_readonly("t_ns", &Seen::t_ns)
      .def_property_readonly("face", [](const Seen& s) { return where(s.has_face, s.face); })
      .def_property_readonly("action", [](const Seen& s) { return where(s.has_action, s.action); })
      .def_readonly("quality", &Seen::quality);
}

// --- the engine

ModelPaths paths_from(const std::map<std::string, std::string>& models) {
  for (const char* net : {"face", "eyes", "cabin", "body", "action"})
    if (!models.count(net)) throw std::invalid_argument(std::string("no model for ") + net);
  return {models.at("face"), models.at("eyes"), models.at("cabin"), models.at("body"),
          models.at("action")};
}

/// An engine and who uses it: one thread at a time.
struct SharedEngine {
  std::unique_ptr<Engine> engine;
  std::mutex in_use;
};

using Shared = std::shared_ptr<SharedEngine>;

std::unique_lock<std::mutex> claim(SharedEngine& shared) {
  std::unique_lock<std::mutex> lock(shared.in_use, std::try_to_lock);
  if (!lock) throw std::runtime_error("the engine is in use by another thread");
  return lock;
}

/// By gauge: output indices (none for an input), means, gain.
using References =
    std::map<std::string, std::tuple<std::vector<int>, std::vector<float>, std::vector<float>>>;

void set_references(Drift& drift, const References& references) {
  std::size_t known = 0;
  for (std::size_t i = 0; i < kGauges; ++i) {
    const auto gauge = static_cast<Gauge>(i);
    const auto given = references.find(gauge_name(gauge));
    if (given == references.end()) continue;
    const auto& [index, mean, gain] = given->second;
    const DriftReference reference{index, mean, gain};
    if (!reference.valid(gauge_width(gauge)))
      throw std::invalid_argument(std::string("not a drift reference: ") + gauge_name(gauge));
    drift[gauge].configure(reference);
    ++known;
  }
  if (known != references.size()) throw std::invalid_argument("a drift reference of no gauge");
}

/// By gauge: score and samples.
std::map<std::string, std::pair<float, int>> drift_of(SharedEngine& shared) {
  const auto lock = claim(shared);
  std::map<std::string, std::pair<float, int>> all;
  for (std::size_t i = 0; i < kGauges; ++i) {
    const auto gauge = static_cast<Gauge>(i);
    const DriftGauge& found = shared.engine->drift()[gauge];
    if (found.samples() > 0) all[gauge_name(gauge)] = {found.score(), found.samples()};
  }
  return all;
}

std::vector<float> features_of(const py::array_t<std::uint8_t, py::array::c_style>& tensor) {
  if (tensor.ndim() != 3 || (tensor.shape(0) != 4 && tensor.shape(0) != 16) || tensor.size() == 0)
    throw std::invalid_argument("a tensor is uint8 of shape (4 or 16, height, width)");
  std::vector<float> out(kInputFeatures);
  const auto plane = static_cast<std::size_t>(tensor.shape(1) * tensor.shape(2));
  input_features(tensor.data(), plane, static_cast<std::size_t>(tensor.shape(0)), out.data());
  return out;
}

Shared make_engine(const std::map<std::string, std::string>& models, const std::string& library,
                   int seat, float hfov_rad, std::int64_t step_ns, const References& drift) {
  if (seat < 0 || seat > 2) throw std::invalid_argument("seat is 0 unknown, 1 left or 2 right");
  auto memory = std::make_unique<NetMemory>();
  Nets nets = open_models(std::make_shared<OrtLibrary>(library), paths_from(models), *memory);
  const EngineConfig config{static_cast<Seat>(seat), hfov_rad, step_ns};
  auto shared = std::make_shared<SharedEngine>();
  shared->engine = std::make_unique<Engine>(std::move(memory), std::move(nets), config);
  set_references(shared->engine->drift(), drift);
  return shared;
}

using Observe = bool (Engine::*)(const ImageView&, std::int64_t, std::uint64_t, Seen&) noexcept;

template <Observe observe>
Seen observe_with(SharedEngine& shared, const Bytes& frame, std::int64_t t_ns, std::uint64_t seq) {
  const ImageView view = view_of(frame);
  const auto lock = claim(shared);
  const py::gil_scoped_release release;
  Seen seen;
  if (!(*shared.engine.*observe)(view, t_ns, seq, seen))
    throw std::runtime_error(shared.engine->error());
  return seen;
}

std::map<std::string, std::int64_t> stage_ns(SharedEngine& shared) {
  const auto lock = claim(shared);
  std::map<std::string, std::int64_t> all;
  for (int i = 0; i < kStages; ++i) {
    const auto stage = static_cast<Stage>(i);
    all[stage_name(stage)] = shared.engine->clock().ns(stage);
  }
  return all;
}

void bind_engine_class(py::module_& m) {
  py::class_<SharedEngine, Shared>(m, "Engine")
      .def(py::init(&make_engine), py::arg("models"), py::arg("library"), py::arg("seat") = 0,
           py::arg("hfov_rad") = 0.0F, py::arg("step_ns") = Cadence::kStepNs,
           py::arg("drift") = References{})
      .def("step", &observe_with<&Engine::step>, py::arg("frame").noconvert(), py::arg("t_ns"),
           py::arg("seq"))
      .def("still", &observe_with<&Engine::still>, py::arg("frame").noconvert(), py::arg("t_ns"),
           py::arg("seq"))
      .def("reset",
           [](SharedEngine& shared) {
             const auto lock = claim(shared);
             shared.engine->reset();
           })
      .def(
          "profile",
          [](SharedEngine& shared, bool on) {
            const auto lock = claim(shared);
            shared.engine->clock().enable(on);
            shared.engine->clock().clear();
          },
          py::arg("on"))
      .def("stage_ns", &stage_ns)
      .def("drift", &drift_of);
  m.def("input_features", &features_of, py::arg("tensor").noconvert());
}

// --- the engine's thread

/// Holds what the thread uses for as long as it may run.
class LiveHandle {
 public:
  LiveHandle(Shared engine, std::shared_ptr<FrameRing> ring)
      : engine_(std::move(engine)), ring_(std::move(ring)), live_(*engine_->engine, *ring_) {}

  void start() {
    if (live_.running()) return;
    claim_ = claim(*engine_);
    live_.start();
  }
  void stop() {
    {
      const py::gil_scoped_release release;
      live_.stop();
    }
    if (claim_) claim_.unlock();
  }
  std::vector<LiveSeen> drain() {
    std::vector<LiveSeen> all;
    LiveSeen seen;
    while (all.size() < Live::kCapacity && live_.pop(seen)) all.push_back(seen);
    return all;
  }
  const Live& live() const { return live_; }

 private:
  Shared engine_;
  std::shared_ptr<FrameRing> ring_;
  std::unique_lock<std::mutex> claim_;  // outlives the thread
  Live live_;
};

void bind_live(py::module_& m) {
  py::class_<LiveSeen>(m, "LiveSeen")
      .def_readonly("seen", &LiveSeen::seen)
      .def_readonly("cpu_ns", &LiveSeen::cpu_ns)
      .def_readonly("wall_ns", &LiveSeen::wall_ns)
      .def_readonly("done_ns", &LiveSeen::done_ns)
      .def_readonly("failed", &LiveSeen::failed);
  const auto counter = [](std::uint64_t LiveCounters::* field) {
    return [field](const LiveHandle& h) { return h.live().counters().*field; };
  };
  py::class_<LiveHandle>(m, "LiveEngine")
      .def(py::init<Shared, std::shared_ptr<FrameRing>>(), py::arg("engine"), py::arg("ring"))
      .def("start", &LiveHandle::start)
      .def("stop", &LiveHandle::stop)
      .def("drain", &LiveHandle::drain)
      .def_property_readonly("fd", [](const LiveHandle& h) { return h.live().fd(); })
      .def_property_readonly("finished", [](const LiveHandle& h) { return h.live().finished(); })
      .def_property_readonly("frames", counter(&LiveCounters::frames))
      .def_property_readonly("skipped", counter(&LiveCounters::skipped))
      .def_property_readonly("dropped", counter(&LiveCounters::dropped))
      .def_property_readonly("failures", counter(&LiveCounters::failures));
}

}  // namespace

void bind_engine(py::module_& m) {
  bind_ort(m);
  bind_seen(m);
  bind_engine_class(m);
  bind_live(m);
}

}  // namespace dms
