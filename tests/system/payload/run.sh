#!/bin/bash
# Runs inside the VM as root (see test_vm_can.py): the checks of on_vcan.py, their result as JUnit XML.
set -u
modprobe -a vcan can-raw can-isotp slcan
export PYTHONPATH=/payload/site ORT_DISABLE_TELEMETRY=1 OMP_NUM_THREADS=1

# where configs/dms.service looks for the program
mkdir -p /opt/dms/bin
cat >/opt/dms/bin/dms <<'DMS'
#!/bin/sh
export PYTHONPATH=/payload/site
exec /usr/bin/python3 -m dms.cli "$@"
DMS
chmod 755 /opt/dms/bin/dms

python3 -m pytest -p no:cacheprovider -v --tb=short --durations=0 -rP --junitxml="$RESULTS/junit.xml" on_vcan.py
