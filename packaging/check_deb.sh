#!/bin/bash
# Install, try and remove the Debian package in a copy of this system that is thrown away:
#   sudo unshare -m packaging/check_deb.sh dist/ferdesk_0.1.0_amd64.deb
# An overlay in memory takes all that is written; nothing of the system itself is touched.
set -euo pipefail
package=$(realpath "$1")
place=$(mktemp -d)
mount -t tmpfs -o size=3g tmpfs "$place"
mkdir "$place"/{written,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$place/written,workdir=$place/work" "$place/root"
mount -t proc proc "$place/root/proc"
mount --bind /dev "$place/root/dev"
mount --bind /sys "$place/root/sys"
mount -t tmpfs tmpfs "$place/root/tmp"
cp "$package" "$place/root/tmp/ferdesk.deb"
inside() { chroot "$place/root" env -i HOME=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
inside dpkg -i /tmp/ferdesk.deb
inside unshare -n ferdesk --self-test
inside ferdesk licences | grep -q "THIRD-PARTY\|licences lie in"
for file in applications/ferdesk.desktop icons/hicolor/scalable/apps/ferdesk.svg metainfo/org.ferdesk.ferdesk.metainfo.xml; do
  test -s "$place/root/usr/share/$file"
done
inside dpkg -r ferdesk
test ! -e "$place/root/usr/lib/ferdesk"
echo "The package can be installed, works, and goes without a trace."
