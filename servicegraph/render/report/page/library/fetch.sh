#!/usr/bin/env bash
# Fetches Viz.js from npm, checks it, and writes viz-global.js.gz: the licenses and the script.
# For another version, change the version and the hash here and in LICENSES.txt, and the hash
# in library_test.go.
set -euo pipefail
cd "$(dirname "$0")"
version=3.31.0
integrity=r7zlQdRvcwvIpjHGgs+KNWHeE/P5/Dq7k8ZAKaMCbZqomxCBJV78gVuQYaHzFVca+kB0mX0fMW9UFevCOBG50A==
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
npm pack --silent --pack-destination "$dir" "@viz-js/viz@$version" >/dev/null
[ "$(openssl dgst -sha512 -binary "$dir"/*.tgz | base64 -w0)" = "$integrity" ] || { echo "the package has another hash" >&2; exit 1; }
tar -xzf "$dir"/*.tgz -C "$dir" package/dist/viz-global.js
cat LICENSES.txt "$dir/package/dist/viz-global.js" | gzip -9n >viz-global.js.gz
