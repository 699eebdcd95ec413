// The part of ONNX Runtime's C interface that this project calls, declared here because the wheel
// that carries the library carries no header. The interface is one table of function pointers that
// only ever grows at its end, so an entry's position is its name: positions are those of
// onnxruntime_c_api.h, the same from version 1.4 to 1.31. Values of enumerations likewise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dms::ort_api {

struct Env;
struct Status;
struct SessionOptions;
struct Session;
struct Allocator;
struct TypeInfo;
struct TensorInfo;
struct MemoryInfo;
struct Value;
struct IoBinding;

struct ApiBase {
  const void* (*get_api)(std::uint32_t version);
  const char* (*get_version_string)();
};

/// What every library since 1.18 can serve, and all that is needed here.
constexpr std::uint32_t kApiVersion = 18;

enum ElementType : int { kUndefined = 0, kFloat32 = 1, kUint8 = 2, kInt8 = 3, kInt64 = 7 };
constexpr int kLogFatal = 4;
constexpr int kAllOptimisations = 99;
constexpr int kSequential = 0;
constexpr int kArenaAllocator = 1;
constexpr int kDefaultMemory = 0;

/// Typed copies of the table's entries; `load` fills them. The comment is the position.
struct Calls {
  const char* (*get_error_message)(const Status*);                                       // 2
  Status* (*create_env)(int log_level, const char* id, Env**);                           // 3
  Status* (*disable_telemetry_events)(const Env*);                                       // 6
  Status* (*create_session_from_array)(const Env*, const void*, std::size_t,             //
                                       const SessionOptions*, Session**);                // 8
  Status* (*create_session_options)(SessionOptions**);                                   // 10
  Status* (*set_execution_mode)(SessionOptions*, int);                                   // 13
  Status* (*set_log_severity)(SessionOptions*, int);                                     // 22
  Status* (*set_optimisation_level)(SessionOptions*, int);                               // 23
  Status* (*set_intra_op_threads)(SessionOptions*, int);                                 // 24
  Status* (*set_inter_op_threads)(SessionOptions*, int);                                 // 25
  Status* (*input_count)(const Session*, std::size_t*);                                  // 30
  Status* (*output_count)(const Session*, std::size_t*);                                 // 31
  Status* (*input_type)(const Session*, std::size_t, TypeInfo**);                        // 33
  Status* (*output_type)(const Session*, std::size_t, TypeInfo**);                       // 34
  Status* (*input_name)(const Session*, std::size_t, Allocator*, char**);                // 36
  Status* (*output_name)(const Session*, std::size_t, Allocator*, char**);               // 37
  Status* (*create_tensor)(const MemoryInfo*, void*, std::size_t, const std::int64_t*,   //
                           std::size_t, int, Value**);                                   // 49
  Status* (*cast_to_tensor_info)(const TypeInfo*, const TensorInfo**);                   // 55
  Status* (*element_type)(const TensorInfo*, int*);                                      // 60
  Status* (*dimension_count)(const TensorInfo*, std::size_t*);                           // 61
  Status* (*dimensions)(const TensorInfo*, std::int64_t*, std::size_t);                  // 62
  Status* (*create_cpu_memory_info)(int allocator_type, int memory_type, MemoryInfo**);  // 69
  Status* (*allocator_free)(Allocator*, void*);                                          // 76
  Status* (*default_allocator)(Allocator**);                                             // 78
  void (*release_env)(Env*);                                                             // 92
  void (*release_status)(Status*);                                                       // 93
  void (*release_memory_info)(MemoryInfo*);                                              // 94
  void (*release_session)(Session*);                                                     // 95
  void (*release_value)(Value*);                                                         // 96
  void (*release_type_info)(TypeInfo*);                                                  // 98
  void (*release_session_options)(SessionOptions*);                                      // 100
  Status* (*add_config_entry)(SessionOptions*, const char* key, const char* value);      // 130
  Status* (*run_with_binding)(Session*, const void* run_options, const IoBinding*);      // 133
  Status* (*create_io_binding)(Session*, IoBinding**);                                   // 134
  void (*release_io_binding)(IoBinding*);                                                // 135
  Status* (*bind_input)(IoBinding*, const char*, const Value*);                          // 136
  Status* (*bind_output)(IoBinding*, const char*, const Value*);                         // 137
};

/// `table`: what `ApiBase::get_api(kApiVersion)` returned.
Calls load(const void* table);

}  // namespace dms::ort_api
