#!/bin/sh
# Says where Chromium is; asks the system for it where it is missing and we may.
set -eu
found() {
    command -v chromium || command -v chromium-browser || command -v google-chrome || command -v google-chrome-stable
}
if found; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing chromium"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core >/dev/null
    found && exit 0
fi
echo "tests of pages need Chromium: install chromium, or Google Chrome, with your system's packages" >&2
exit 1
