#!/usr/bin/env bash
# bids-validator 1.15.0 (npm), a behavioural data set with events.
# Expected: "TaskName", which BIDS recommends in the sidecars of behavioural files, is taken in the
#   sidecar of *_events.tsv as it is in that of *_beh.tsv: a text.
# Seen: in *_events.json it is error 55, a schema that wants an object; in *_beh.json it is welcome.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" bids-validator@1.15.0 >/dev/null 2>&1
beh="$work/data/sub-01/beh"
mkdir -p "$beh"
cd "$work/data"
printf '{"Name": "try", "BIDSVersion": "1.9.0", "Authors": ["A. One", "B. Two"], "License": "CC0"}' > dataset_description.json
printf 'A data set of one person for a trial of the validator, with a few words.\n' > README
printf 'participant_id\nsub-01\n' > participants.tsv
printf 'onset\tduration\ttrial_type\n0.5\t1.0\tfilm\n' > "$beh/sub-01_task-try_events.tsv"
printf 'question\tanswer\nhow\twell\n' > "$beh/sub-01_task-try_beh.tsv"
validate() {
  "$work/node_modules/.bin/bids-validator" "$work/data" --json --ignoreWarnings 2>/dev/null || true
}
codes() {
  node -e 'const t = require("fs").readFileSync(0, "utf8"); const r = JSON.parse(t.slice(t.indexOf("{")));
    console.log(r.issues.errors.map((e) => e.code).join(" "))'
}
echo "bids-validator $("$work/node_modules/.bin/bids-validator" --version)"
printf '{"TaskName": "try"}' > "$beh/sub-01_task-try_beh.json"
first=$(validate | codes)
echo "TaskName in beh.json: errors [$first]"
printf '{"TaskName": "try"}' > "$beh/sub-01_task-try_events.json"
second=$(validate | codes)
echo "TaskName in events.json too: errors [$second]"
[ "$first" = "" ] && [ "$second" = "55" ]
