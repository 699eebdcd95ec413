/* Written by tools/make_dbc.py from the monitor's own definition of its messages: do not edit. */
#ifndef DMS_MESSAGES_H
#define DMS_MESSAGES_H

#include "dms_receiver.h"

#define DMS_ALERT_ID 0x320u
#define DMS_ALERT_TIMEOUT_MS 150u
#define DMS_ALERT_DATA_ID 0xD320u
#define DMS_STATUS_ID 0x323u
#define DMS_STATUS_TIMEOUT_MS 300u
#define DMS_STATUS_DATA_ID 0xD323u
#define DMS_DRIVER_STATE_ID 0x321u
#define DMS_DRIVER_STATE_TIMEOUT_MS 150u
#define DMS_DRIVER_STATE_DATA_ID 0xD321u
#define DMS_ATTENTION_ID 0x324u
#define DMS_ATTENTION_TIMEOUT_MS 300u
#define DMS_ATTENTION_DATA_ID 0xD324u
#define DMS_HANDS_ID 0x326u
#define DMS_HANDS_TIMEOUT_MS 300u
#define DMS_HANDS_DATA_ID 0xD326u
#define DMS_EVENT_ID 0x32Bu
#define DMS_EVENT_TIMEOUT_MS 3000u
#define DMS_EVENT_DATA_ID 0xD32Bu
#define DMS_DROWSINESS_ID 0x325u
#define DMS_DROWSINESS_TIMEOUT_MS 600u
#define DMS_DROWSINESS_DATA_ID 0xD325u
#define DMS_GAZE_ID 0x322u
#define DMS_GAZE_TIMEOUT_MS 300u
#define DMS_GAZE_DATA_ID 0xD322u
#define DMS_EYES_ID 0x327u
#define DMS_EYES_TIMEOUT_MS 300u
#define DMS_EYES_DATA_ID 0xD327u
#define DMS_IDENTITY_ID 0x328u
#define DMS_IDENTITY_TIMEOUT_MS 3000u
#define DMS_IDENTITY_DATA_ID 0xD328u
#define DMS_TELEMETRY_ID 0x329u
#define DMS_TELEMETRY_TIMEOUT_MS 3000u
#define DMS_TELEMETRY_DATA_ID 0xD329u
#define DMS_INPUTS_ID 0x32Au
#define DMS_INPUTS_TIMEOUT_MS 3000u
#define DMS_INPUTS_DATA_ID 0xD32Au
#define DMS_FD_STATE_ID 0x330u
#define DMS_FD_STATE_TIMEOUT_MS 150u
#define DMS_FD_FACE_ID 0x331u
#define DMS_FD_FACE_TIMEOUT_MS 300u
#define DMS_FD_HEALTH_ID 0x332u
#define DMS_FD_HEALTH_TIMEOUT_MS 3000u

/* DMS_Alert: What the monitor asks of the vehicle now: the most urgent active alert. */
enum { DMS_ALERT_KIND_NONE = 0, DMS_ALERT_KIND_DISTRACTION = 1, DMS_ALERT_KIND_PHONE = 2, DMS_ALERT_KIND_MICROSLEEP = 3, DMS_ALERT_KIND_SLEEP = 4, DMS_ALERT_KIND_CANNOT_SEE = 5, DMS_ALERT_KIND_DROWSY = 6, DMS_ALERT_KIND_UNRESPONSIVE = 7, DMS_ALERT_KIND_SHORT_DISTRACTION = 8, DMS_ALERT_KIND_LOW_GAZE = 9, DMS_ALERT_KIND_EYES_ON = 10, DMS_ALERT_KIND_EMERGENCY = 11 };
enum { DMS_ALERT_LEVEL_NONE = 0, DMS_ALERT_LEVEL_INFORM = 1, DMS_ALERT_LEVEL_WARN = 2, DMS_ALERT_LEVEL_URGENT = 3 };
enum { DMS_ALERT_REASON_NONE = 0, DMS_ALERT_REASON_OTHER = 1, DMS_ALERT_REASON_EYES_OFF_THE_ROAD = 2, DMS_ALERT_REASON_EYES_CLOSED = 3, DMS_ALERT_REASON_PHONE_IN_USE = 4, DMS_ALERT_REASON_CANNOT_SEE_THE_DRIVER = 5, DMS_ALERT_REASON_DROWSY = 6, DMS_ALERT_REASON_UNRESPONSIVE = 7, DMS_ALERT_REASON_LOW_GAZE = 8, DMS_ALERT_REASON_SHORT_LOOKS_AWAY = 9, DMS_ALERT_REASON_LOOKS_AT_THE_PHONE = 10, DMS_ALERT_REASON_NO_RETURN_AFTER_AWARNING = 11, DMS_ALERT_REASON_EYES_ON_REQUESTED = 12, DMS_ALERT_REASON_NO_ANSWER_TO_THE_WARNING = 13, DMS_ALERT_REASON_NO_ANSWER_TO_THE_EYES_ON_REQUEST = 14 };
enum { DMS_IN_ALERT_KIND, DMS_IN_ALERT_LEVEL, DMS_IN_ALERT_REASON, DMS_IN_REQUEST_VISUAL, DMS_IN_REQUEST_AUDIBLE, DMS_IN_REQUEST_HAPTIC, DMS_IN_ALERT_COUNT, DMS_IN_ALERT_AGE, DMS_IN_ASSISTANCE_LOCKOUT };
static const DmsSignal dms_alert_signals[] = {
    {"AlertKind", 12u, 5u, 1.0f, 0.0f, 11u, 0xFFFull, 29u, 30u, 31u},
    {"AlertLevel", 17u, 3u, 1.0f, 0.0f, 3u, 0xFull, 5u, 6u, 7u},
    {"AlertReason", 20u, 6u, 1.0f, 0.0f, 14u, 0x7FFFull, 61u, 62u, 63u},
    {"RequestVisual", 26u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"RequestAudible", 29u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"RequestHaptic", 32u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"AlertCount", 35u, 4u, 1.0f, 0.0f, 12u, 0ull, 13u, 14u, 15u},
    {"AlertAge", 39u, 12u, 0.1f, 0.0f, 4090u, 0ull, 4093u, 4094u, 4095u},
    {"AssistanceLockout", 51u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
};

/* DMS_Status: Whether the monitor can do its work, and why not. */
enum { DMS_AVAILABILITY_UNAVAILABLE = 0, DMS_AVAILABILITY_OK = 1, DMS_AVAILABILITY_CALIBRATING = 2, DMS_AVAILABILITY_DEGRADED = 3, DMS_AVAILABILITY_UNKNOWN = 4, DMS_AVAILABILITY_FAULT = 5 };
enum { DMS_REASON_NONE = 0, DMS_REASON_NO_FACE = 1, DMS_REASON_EYES_NOT_VISIBLE = 2, DMS_REASON_SUNGLASSES = 3, DMS_REASON_IMAGE_DARK = 4, DMS_REASON_IMAGE_SATURATED = 5, DMS_REASON_IMAGE_BLANK = 6, DMS_REASON_IMAGE_FROZEN = 7, DMS_REASON_FRAMES_LATE = 8, DMS_REASON_STARTING = 9, DMS_REASON_SHUTDOWN = 10, DMS_REASON_INTERNAL = 11, DMS_REASON_POSE_UNCERTAIN = 12, DMS_REASON_SPEED_UNKNOWN = 13, DMS_REASON_MASK = 14, DMS_REASON_FACE_COVERED = 15, DMS_REASON_LED_OFF = 16, DMS_REASON_IMAGE_BLURRED = 17, DMS_REASON_LENS_DIRTY = 18, DMS_REASON_MISALIGNED = 19, DMS_REASON_TOO_HOT = 20, DMS_REASON_INPUT_UNFAMILIAR = 21 };
enum { DMS_OPERATING_STATE_STARTING = 0, DMS_OPERATING_STATE_RUNNING = 1, DMS_OPERATING_STATE_STALLED = 2, DMS_OPERATING_STATE_FAULT = 3, DMS_OPERATING_STATE_STOPPING = 4 };
enum { DMS_IN_AVAILABILITY, DMS_IN_REASON, DMS_IN_OPERATING_STATE, DMS_IN_CALIBRATION, DMS_IN_FAULT_CAMERA, DMS_IN_FAULT_INTERNAL, DMS_IN_FAULT_VEHICLE, DMS_IN_FAULT_BUS, DMS_IN_SENSE_IMAGE, DMS_IN_SENSE_FACE, DMS_IN_SENSE_EYES, DMS_IN_SENSE_MOUTH, DMS_IN_SENSE_HANDS, DMS_IN_SENSE_SPEED };
static const DmsSignal dms_status_signals[] = {
    {"Availability", 12u, 4u, 1.0f, 0.0f, 5u, 0x3Full, 4u, 5u, 15u},
    {"Reason", 16u, 6u, 1.0f, 0.0f, 21u, 0x3FFFFFull, 61u, 62u, 63u},
    {"OperatingState", 22u, 4u, 1.0f, 0.0f, 4u, 0x1Full, 13u, 14u, 15u},
    {"Calibration", 26u, 7u, 1.0f, 0.0f, 100u, 0ull, 125u, 126u, 127u},
    {"FaultCamera", 33u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"FaultInternal", 36u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"FaultVehicle", 39u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"FaultBus", 42u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"SenseImage", 45u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"SenseFace", 48u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"SenseEyes", 51u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"SenseMouth", 54u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"SenseHands", 57u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"SenseSpeed", 60u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
};

/* DMS_DriverState: What is believed about the driver. */
enum { DMS_CONDITION_UNKNOWN = 0, DMS_CONDITION_ATTENTIVE = 1, DMS_CONDITION_DISTRACTED = 2, DMS_CONDITION_ON_PHONE = 3, DMS_CONDITION_MICROSLEEP = 4, DMS_CONDITION_ASLEEP = 5, DMS_CONDITION_DROWSY = 6, DMS_CONDITION_UNRESPONSIVE = 7 };
enum { DMS_DRIVER_SEAT_UNKNOWN = 0, DMS_DRIVER_SEAT_LEFT = 1, DMS_DRIVER_SEAT_RIGHT = 2 };
enum { DMS_IN_CONDITION, DMS_IN_CONDITION_CONFIDENCE, DMS_IN_EYES_ON_ROAD, DMS_IN_EYES_OFF_ROAD_TIME, DMS_IN_EYES_CLOSED_TIME, DMS_IN_DRIVING_TASK, DMS_IN_DRIVER_PRESUMED, DMS_IN_UNRESPONSIVE_TIME, DMS_IN_DRIVER_SEAT };
static const DmsSignal dms_driver_state_signals[] = {
    {"Condition", 12u, 4u, 1.0f, 0.0f, 7u, 0xFFull, 0u, 14u, 15u},
    {"ConditionConfidence", 16u, 5u, 4.0f, 0.0f, 25u, 0ull, 29u, 30u, 31u},
    {"EyesOnRoad", 21u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"EyesOffRoadTime", 24u, 10u, 0.05f, 0.0f, 1020u, 0ull, 1021u, 1022u, 1023u},
    {"EyesClosedTime", 34u, 10u, 0.05f, 0.0f, 1020u, 0ull, 1021u, 1022u, 1023u},
    {"DrivingTask", 44u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"DriverPresumed", 47u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"UnresponsiveTime", 50u, 8u, 0.1f, 0.0f, 250u, 0ull, 253u, 254u, 255u},
    {"DriverSeat", 58u, 3u, 1.0f, 0.0f, 2u, 0x7ull, 0u, 6u, 7u},
};

/* DMS_Attention: Where the driver attends, and how much attention is left. */
enum { DMS_DISTRACTION_NONE = 0, DMS_DISTRACTION_GLANCE = 1, DMS_DISTRACTION_DISTRACTED = 2, DMS_DISTRACTION_PHONE = 3 };
enum { DMS_GAZE_ZONE_UNKNOWN = 0, DMS_GAZE_ZONE_ROAD = 1, DMS_GAZE_ZONE_MIRROR_REAR = 2, DMS_GAZE_ZONE_MIRROR_DRIVER = 3, DMS_GAZE_ZONE_MIRROR_PASSENGER = 4, DMS_GAZE_ZONE_CLUSTER = 5, DMS_GAZE_ZONE_CENTRE_STACK = 6, DMS_GAZE_ZONE_DASH = 7, DMS_GAZE_ZONE_WINDOW_DRIVER = 8, DMS_GAZE_ZONE_WINDOW_PASSENGER = 9, DMS_GAZE_ZONE_PASSENGER = 10, DMS_GAZE_ZONE_LAP = 11, DMS_GAZE_ZONE_FOOTWELL = 12, DMS_GAZE_ZONE_GLOVEBOX = 13, DMS_GAZE_ZONE_OTHER = 14 };
enum { DMS_GAZE_SOURCE_NONE = 0, DMS_GAZE_SOURCE_HEAD = 1, DMS_GAZE_SOURCE_EYES = 2 };
enum { DMS_IN_DISTRACTION, DMS_IN_DISTRACTION_CONFIDENCE, DMS_IN_ATTENTION_ACCOUNT, DMS_IN_ATTENTION_CONFIDENCE, DMS_IN_AWAY_TIME, DMS_IN_GAZE_ZONE, DMS_IN_GAZE_ZONE_CONFIDENCE, DMS_IN_GAZE_SOURCE, DMS_IN_LOW_GAZE_TIME };
static const DmsSignal dms_attention_signals[] = {
    {"Distraction", 12u, 4u, 1.0f, 0.0f, 3u, 0xFull, 13u, 14u, 15u},
    {"DistractionConfidence", 16u, 5u, 4.0f, 0.0f, 25u, 0ull, 29u, 30u, 31u},
    {"AttentionAccount", 21u, 7u, 1.0f, 0.0f, 100u, 0ull, 125u, 126u, 127u},
    {"AttentionConfidence", 28u, 5u, 4.0f, 0.0f, 25u, 0ull, 29u, 30u, 31u},
    {"AwayTime", 33u, 8u, 0.125f, 0.0f, 248u, 0ull, 253u, 254u, 255u},
    {"GazeZone", 41u, 5u, 1.0f, 0.0f, 14u, 0x7FFFull, 0u, 30u, 31u},
    {"GazeZoneConfidence", 46u, 5u, 4.0f, 0.0f, 25u, 0ull, 29u, 30u, 31u},
    {"GazeSource", 51u, 3u, 1.0f, 0.0f, 2u, 0x7ull, 5u, 6u, 7u},
    {"LowGazeTime", 54u, 8u, 0.05f, 0.0f, 240u, 0ull, 253u, 254u, 255u},
};

/* DMS_Hands: What the hands and the body are doing. */
enum { DMS_ACTION_WHEEL = 0, DMS_ACTION_PHONE_EAR = 1, DMS_ACTION_PHONE_HAND = 2, DMS_ACTION_DRINK_EAT = 3, DMS_ACTION_SMOKE = 4, DMS_ACTION_REACH = 5, DMS_ACTION_HAND_FACE = 6, DMS_ACTION_OTHER = 7 };
enum { DMS_IN_ACTION, DMS_IN_ACTION_CONFIDENCE, DMS_IN_HANDS_ON_WHEEL, DMS_IN_HANDS_CONFIDENCE, DMS_IN_HANDS_OFF_TIME, DMS_IN_PHONE_TIME, DMS_IN_PHONE_GLANCE_TIME };
static const DmsSignal dms_hands_signals[] = {
    {"Action", 12u, 5u, 1.0f, 0.0f, 7u, 0xFFull, 29u, 30u, 31u},
    {"ActionConfidence", 17u, 5u, 4.0f, 0.0f, 25u, 0ull, 29u, 30u, 31u},
    {"HandsOnWheel", 22u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"HandsConfidence", 25u, 5u, 4.0f, 0.0f, 25u, 0ull, 29u, 30u, 31u},
    {"HandsOffTime", 30u, 8u, 0.25f, 0.0f, 252u, 0ull, 253u, 254u, 255u},
    {"PhoneTime", 38u, 8u, 0.5f, 0.0f, 252u, 0ull, 253u, 254u, 255u},
    {"PhoneGlanceTime", 46u, 8u, 0.125f, 0.0f, 248u, 0ull, 253u, 254u, 255u},
};

/* DMS_Event: What changed last. Each event is sent at once, then repeated with its age. */
enum { DMS_EVENT_TYPE_NONE = 0, DMS_EVENT_TYPE_ALERT_RAISED = 1, DMS_EVENT_TYPE_ALERT_CHANGED = 2, DMS_EVENT_TYPE_ALERT_ENDED = 3, DMS_EVENT_TYPE_AVAILABILITY_CHANGED = 4, DMS_EVENT_TYPE_CONDITION_CHANGED = 5, DMS_EVENT_TYPE_DRIVER_CHANGED = 6 };
enum { DMS_EVENT_ALERT_KIND_NONE = 0, DMS_EVENT_ALERT_KIND_DISTRACTION = 1, DMS_EVENT_ALERT_KIND_PHONE = 2, DMS_EVENT_ALERT_KIND_MICROSLEEP = 3, DMS_EVENT_ALERT_KIND_SLEEP = 4, DMS_EVENT_ALERT_KIND_CANNOT_SEE = 5, DMS_EVENT_ALERT_KIND_DROWSY = 6, DMS_EVENT_ALERT_KIND_UNRESPONSIVE = 7, DMS_EVENT_ALERT_KIND_SHORT_DISTRACTION = 8, DMS_EVENT_ALERT_KIND_LOW_GAZE = 9, DMS_EVENT_ALERT_KIND_EYES_ON = 10, DMS_EVENT_ALERT_KIND_EMERGENCY = 11 };
enum { DMS_EVENT_ALERT_LEVEL_NONE = 0, DMS_EVENT_ALERT_LEVEL_INFORM = 1, DMS_EVENT_ALERT_LEVEL_WARN = 2, DMS_EVENT_ALERT_LEVEL_URGENT = 3 };
enum { DMS_EVENT_CONDITION_UNKNOWN = 0, DMS_EVENT_CONDITION_ATTENTIVE = 1, DMS_EVENT_CONDITION_DISTRACTED = 2, DMS_EVENT_CONDITION_ON_PHONE = 3, DMS_EVENT_CONDITION_MICROSLEEP = 4, DMS_EVENT_CONDITION_ASLEEP = 5, DMS_EVENT_CONDITION_DROWSY = 6, DMS_EVENT_CONDITION_UNRESPONSIVE = 7 };
enum { DMS_EVENT_AVAILABILITY_UNAVAILABLE = 0, DMS_EVENT_AVAILABILITY_OK = 1, DMS_EVENT_AVAILABILITY_CALIBRATING = 2, DMS_EVENT_AVAILABILITY_DEGRADED = 3, DMS_EVENT_AVAILABILITY_UNKNOWN = 4, DMS_EVENT_AVAILABILITY_FAULT = 5 };
enum { DMS_EVENT_REASON_NONE = 0, DMS_EVENT_REASON_NO_FACE = 1, DMS_EVENT_REASON_EYES_NOT_VISIBLE = 2, DMS_EVENT_REASON_SUNGLASSES = 3, DMS_EVENT_REASON_IMAGE_DARK = 4, DMS_EVENT_REASON_IMAGE_SATURATED = 5, DMS_EVENT_REASON_IMAGE_BLANK = 6, DMS_EVENT_REASON_IMAGE_FROZEN = 7, DMS_EVENT_REASON_FRAMES_LATE = 8, DMS_EVENT_REASON_STARTING = 9, DMS_EVENT_REASON_SHUTDOWN = 10, DMS_EVENT_REASON_INTERNAL = 11, DMS_EVENT_REASON_POSE_UNCERTAIN = 12, DMS_EVENT_REASON_SPEED_UNKNOWN = 13, DMS_EVENT_REASON_MASK = 14, DMS_EVENT_REASON_FACE_COVERED = 15, DMS_EVENT_REASON_LED_OFF = 16, DMS_EVENT_REASON_IMAGE_BLURRED = 17, DMS_EVENT_REASON_LENS_DIRTY = 18, DMS_EVENT_REASON_MISALIGNED = 19, DMS_EVENT_REASON_TOO_HOT = 20, DMS_EVENT_REASON_INPUT_UNFAMILIAR = 21 };
enum { DMS_IN_EVENT_COUNT, DMS_IN_EVENT_TYPE, DMS_IN_EVENT_ALERT_KIND, DMS_IN_EVENT_ALERT_LEVEL, DMS_IN_EVENT_CONDITION, DMS_IN_EVENT_AVAILABILITY, DMS_IN_EVENT_REASON, DMS_IN_EVENT_AGE };
static const DmsSignal dms_event_signals[] = {
    {"EventCount", 12u, 8u, 1.0f, 0.0f, 252u, 0ull, 253u, 254u, 255u},
    {"EventType", 20u, 5u, 1.0f, 0.0f, 6u, 0x7Full, 29u, 30u, 31u},
    {"EventAlertKind", 25u, 5u, 1.0f, 0.0f, 11u, 0xFFFull, 29u, 30u, 31u},
    {"EventAlertLevel", 30u, 3u, 1.0f, 0.0f, 3u, 0xFull, 5u, 6u, 7u},
    {"EventCondition", 33u, 4u, 1.0f, 0.0f, 7u, 0xFFull, 0u, 14u, 15u},
    {"EventAvailability", 37u, 4u, 1.0f, 0.0f, 5u, 0x3Full, 4u, 5u, 15u},
    {"EventReason", 41u, 6u, 1.0f, 0.0f, 21u, 0x3FFFFFull, 61u, 62u, 63u},
    {"EventAge", 47u, 12u, 0.1f, 0.0f, 4090u, 0ull, 4093u, 4094u, 4095u},
};

/* DMS_Drowsiness: How sleepy the driver is. */
enum { DMS_DROWSINESS_AWAKE = 0, DMS_DROWSINESS_DROWSY = 1, DMS_DROWSINESS_MICROSLEEP = 2, DMS_DROWSINESS_ASLEEP = 3 };
enum { DMS_IN_DROWSINESS, DMS_IN_DROWSINESS_CONFIDENCE, DMS_IN_KSS, DMS_IN_KSS_CONFIDENCE, DMS_IN_KSS_LEARNED, DMS_IN_PERCLOS, DMS_IN_BLINK_RATE, DMS_IN_YAWNS, DMS_IN_NODS };
static const DmsSignal dms_drowsiness_signals[] = {
    {"Drowsiness", 12u, 4u, 1.0f, 0.0f, 3u, 0xFull, 13u, 14u, 15u},
    {"DrowsinessConfidence", 16u, 5u, 4.0f, 0.0f, 25u, 0ull, 29u, 30u, 31u},
    {"Kss", 21u, 7u, 0.1f, 1.0f, 80u, 0ull, 125u, 126u, 127u},
    {"KssConfidence", 28u, 5u, 4.0f, 0.0f, 25u, 0ull, 29u, 30u, 31u},
    {"KssLearned", 33u, 7u, 1.0f, 0.0f, 100u, 0ull, 125u, 126u, 127u},
    {"Perclos", 40u, 8u, 0.5f, 0.0f, 200u, 0ull, 253u, 254u, 255u},
    {"BlinkRate", 48u, 7u, 1.0f, 0.0f, 120u, 0ull, 125u, 126u, 127u},
    {"Yawns", 55u, 4u, 1.0f, 0.0f, 12u, 0ull, 13u, 14u, 15u},
    {"Nods", 59u, 4u, 1.0f, 0.0f, 12u, 0ull, 13u, 14u, 15u},
};

/* DMS_Gaze: Head and line of sight. Vehicle frame: yaw > 0 to the driver's left, pitch > 0 up, 0/0 straight ahead on the road; roll > 0 top of the head to the driver's right. */
enum { DMS_IN_HEAD_YAW, DMS_IN_HEAD_PITCH, DMS_IN_HEAD_ROLL, DMS_IN_GAZE_YAW, DMS_IN_GAZE_PITCH, DMS_IN_HEAD_CONFIDENCE, DMS_IN_GAZE_CONFIDENCE };
static const DmsSignal dms_gaze_signals[] = {
    {"HeadYaw", 12u, 9u, 0.5f, -127.0f, 508u, 0ull, 509u, 510u, 511u},
    {"HeadPitch", 21u, 8u, 0.5f, -63.0f, 252u, 0ull, 253u, 254u, 255u},
    {"HeadRoll", 29u, 8u, 0.5f, -63.0f, 252u, 0ull, 253u, 254u, 255u},
    {"GazeYaw", 37u, 9u, 0.5f, -127.0f, 508u, 0ull, 509u, 510u, 511u},
    {"GazePitch", 46u, 8u, 0.5f, -63.0f, 252u, 0ull, 253u, 254u, 255u},
    {"HeadConfidence", 54u, 5u, 4.0f, 0.0f, 25u, 0ull, 29u, 30u, 31u},
    {"GazeConfidence", 59u, 5u, 4.0f, 0.0f, 25u, 0ull, 29u, 30u, 31u},
};

/* DMS_Eyes: The eyes, left and right being the driver's own. 0 is closed, 100 % this driver's neutral. An eye that is not seen is unknown, never closed. */
enum { DMS_IN_EYE_OPENNESS, DMS_IN_EYE_OPENNESS_LEFT, DMS_IN_EYE_OPENNESS_RIGHT, DMS_IN_EYES_CLOSED, DMS_IN_EYES_CLOSED_CONFIDENCE, DMS_IN_BLINK_DURATION, DMS_IN_RESULT_AGE, DMS_IN_RESULT_COUNT };
static const DmsSignal dms_eyes_signals[] = {
    {"EyeOpenness", 12u, 8u, 1.0f, 0.0f, 130u, 0ull, 253u, 254u, 255u},
    {"EyeOpennessLeft", 20u, 8u, 1.0f, 0.0f, 130u, 0ull, 253u, 254u, 255u},
    {"EyeOpennessRight", 28u, 8u, 1.0f, 0.0f, 130u, 0ull, 253u, 254u, 255u},
    {"EyesClosed", 36u, 3u, 1.0f, 0.0f, 1u, 0x3ull, 5u, 6u, 7u},
    {"EyesClosedConfidence", 39u, 5u, 4.0f, 0.0f, 25u, 0ull, 29u, 30u, 31u},
    {"BlinkDuration", 44u, 7u, 0.02f, 0.0f, 124u, 0ull, 125u, 126u, 127u},
    {"ResultAge", 51u, 7u, 4.0f, 0.0f, 124u, 0ull, 125u, 126u, 127u},
    {"ResultCount", 58u, 6u, 1.0f, 0.0f, 60u, 0ull, 61u, 62u, 63u},
};

/* DMS_Identity: Which monitor this is. */
enum { DMS_IN_INTERFACE_VERSION, DMS_IN_SOFTWARE_HASH, DMS_IN_MODEL_HASH, DMS_IN_CONFIG_HASH };
static const DmsSignal dms_identity_signals[] = {
    {"InterfaceVersion", 12u, 4u, 1.0f, 0.0f, 12u, 0ull, 13u, 14u, 15u},
    {"SoftwareHash", 16u, 16u, 1.0f, 0.0f, 65532u, 0ull, 65533u, 65534u, 65535u},
    {"ModelHash", 32u, 16u, 1.0f, 0.0f, 65532u, 0ull, 65533u, 65534u, 65535u},
    {"ConfigHash", 48u, 16u, 1.0f, 0.0f, 65532u, 0ull, 65533u, 65534u, 65535u},
};

/* DMS_Telemetry: How the monitor fares; of the last second unless said otherwise. */
enum { DMS_IN_FRAME_RATE, DMS_IN_LATENCY_P50, DMS_IN_LATENCY_P99, DMS_IN_FRAMES_DROPPED, DMS_IN_CPU_LOAD, DMS_IN_TEMPERATURE, DMS_IN_DRIFT_SCORE };
static const DmsSignal dms_telemetry_signals[] = {
    {"FrameRate", 12u, 8u, 0.5f, 0.0f, 252u, 0ull, 253u, 254u, 255u},
    {"LatencyP50", 20u, 8u, 1.0f, 0.0f, 252u, 0ull, 253u, 254u, 255u},
    {"LatencyP99", 28u, 8u, 2.0f, 0.0f, 252u, 0ull, 253u, 254u, 255u},
    {"FramesDropped", 36u, 7u, 1.0f, 0.0f, 124u, 0ull, 125u, 126u, 127u},
    {"CpuLoad", 43u, 7u, 2.0f, 0.0f, 124u, 0ull, 125u, 126u, 127u},
    {"Temperature", 50u, 8u, 1.0f, -40.0f, 252u, 0ull, 253u, 254u, 255u},
    {"DriftScore", 58u, 6u, 1.0f, 0.0f, 60u, 0ull, 61u, 62u, 63u},
};

/* DMS_Inputs: What was wrong with what was received and sent, since the start. */
enum { DMS_IN_RX_WRONG_CRC, DMS_IN_RX_REPEATED, DMS_IN_RX_JUMPED, DMS_IN_RX_LATE, DMS_IN_TX_CLAMPED, DMS_IN_TX_MISSED };
static const DmsSignal dms_inputs_signals[] = {
    {"RxWrongCrc", 12u, 8u, 1.0f, 0.0f, 252u, 0ull, 253u, 254u, 255u},
    {"RxRepeated", 20u, 8u, 1.0f, 0.0f, 252u, 0ull, 253u, 254u, 255u},
    {"RxJumped", 28u, 8u, 1.0f, 0.0f, 252u, 0ull, 253u, 254u, 255u},
    {"RxLate", 36u, 8u, 1.0f, 0.0f, 252u, 0ull, 253u, 254u, 255u},
    {"TxClamped", 44u, 8u, 1.0f, 0.0f, 252u, 0ull, 253u, 254u, 255u},
    {"TxMissed", 52u, 8u, 1.0f, 0.0f, 252u, 0ull, 253u, 254u, 255u},
};

enum { DMS_ALERT, DMS_STATUS, DMS_DRIVER_STATE, DMS_ATTENTION, DMS_HANDS, DMS_EVENT, DMS_DROWSINESS, DMS_GAZE, DMS_EYES, DMS_IDENTITY, DMS_TELEMETRY, DMS_INPUTS, DMS_MESSAGES };
static const DmsMessage dms_messages[DMS_MESSAGES] = {
    {"DMS_Alert", DMS_ALERT_ID, DMS_ALERT_DATA_ID, DMS_ALERT_TIMEOUT_MS, dms_alert_signals, 9u},
    {"DMS_Status", DMS_STATUS_ID, DMS_STATUS_DATA_ID, DMS_STATUS_TIMEOUT_MS, dms_status_signals, 14u},
    {"DMS_DriverState", DMS_DRIVER_STATE_ID, DMS_DRIVER_STATE_DATA_ID, DMS_DRIVER_STATE_TIMEOUT_MS, dms_driver_state_signals, 9u},
    {"DMS_Attention", DMS_ATTENTION_ID, DMS_ATTENTION_DATA_ID, DMS_ATTENTION_TIMEOUT_MS, dms_attention_signals, 9u},
    {"DMS_Hands", DMS_HANDS_ID, DMS_HANDS_DATA_ID, DMS_HANDS_TIMEOUT_MS, dms_hands_signals, 7u},
    {"DMS_Event", DMS_EVENT_ID, DMS_EVENT_DATA_ID, DMS_EVENT_TIMEOUT_MS, dms_event_signals, 8u},
    {"DMS_Drowsiness", DMS_DROWSINESS_ID, DMS_DROWSINESS_DATA_ID, DMS_DROWSINESS_TIMEOUT_MS, dms_drowsiness_signals, 9u},
    {"DMS_Gaze", DMS_GAZE_ID, DMS_GAZE_DATA_ID, DMS_GAZE_TIMEOUT_MS, dms_gaze_signals, 7u},
    {"DMS_Eyes", DMS_EYES_ID, DMS_EYES_DATA_ID, DMS_EYES_TIMEOUT_MS, dms_eyes_signals, 8u},
    {"DMS_Identity", DMS_IDENTITY_ID, DMS_IDENTITY_DATA_ID, DMS_IDENTITY_TIMEOUT_MS, dms_identity_signals, 4u},
    {"DMS_Telemetry", DMS_TELEMETRY_ID, DMS_TELEMETRY_DATA_ID, DMS_TELEMETRY_TIMEOUT_MS, dms_telemetry_signals, 7u},
    {"DMS_Inputs", DMS_INPUTS_ID, DMS_INPUTS_DATA_ID, DMS_INPUTS_TIMEOUT_MS, dms_inputs_signals, 6u},
};

static const DmsContainer dms_containers[] = {
    {DMS_FD_STATE_ID, DMS_FD_STATE_TIMEOUT_MS, 8u, 
     {DMS_ALERT, DMS_STATUS, DMS_DRIVER_STATE, DMS_ATTENTION, DMS_DROWSINESS, DMS_HANDS, DMS_EVENT, DMS_IDENTITY}},
    {DMS_FD_FACE_ID, DMS_FD_FACE_TIMEOUT_MS, 2u, 
     {DMS_GAZE, DMS_EYES}},
    {DMS_FD_HEALTH_ID, DMS_FD_HEALTH_TIMEOUT_MS, 2u, 
     {DMS_TELEMETRY, DMS_INPUTS}},
};
#define DMS_CONTAINERS (sizeof dms_containers / sizeof dms_containers[0])

#endif
