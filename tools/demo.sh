#!/bin/sh
# Installs into .venv, then lets the monitor watch the bundled drive: live states, the alerts
# decoded from the CAN frames as they are sent, and a report. Under a minute after the install.
set -eu
cd "$(dirname "$0")/.."
. tools/env.sh
prepare core
export ORT_DISABLE_TELEMETRY=1
drive=tests/golden/demo_drive
out=out/demo
echo "The bundled drive is rendered by tools/synth; it is replayed at twice its speed."
.venv/bin/dms replay "$drive" --live --pace 2 --out "$out" --can-out "$out/can.log"
echo "CAN frames as sent: $out/can.log (candump format, described by configs/dms.dbc)"
echo "Tables:             $out/observations.csv, $out/events.csv"
echo "Open this report:   $PWD/$out/report.html"
