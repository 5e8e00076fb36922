"""What of an address is shown and stored: nothing that is, or may be, a secret."""

import pytest

from ferdesk.core.locations import (
    has_credentials,
    host_of,
    shown_location,
    without_credentials,
)

SECRET = [
    # before the host, also with reserved characters
    ("rtsp://admin:S3cret@10.0.0.7:554/Streaming/Channels/101",
     "rtsp://10.0.0.7:554/Streaming/Channels/101"),
    ("rtsp://admin:S3cret@10.0.0.7/cam/realmonitor?channel=1&subtype=0",
     "rtsp://10.0.0.7/cam/realmonitor"),
    ("rtsp://S3cret@camera.local/stream1", "rtsp://camera.local/stream1"),
    ("rtsp://admin:S3/cret@10.0.0.7/1", "rtsp://10.0.0.7/1"),
    ("rtsp://admin:S3#cret@10.0.0.7/1", "rtsp://10.0.0.7/1"),
    ("rtsp://admin:S3?cret@10.0.0.7/1", "rtsp://10.0.0.7/1"),
    ("rtsp://admin:S3@cret@10.0.0.7/1", "rtsp://10.0.0.7/1"),
    ("rtsp://admin:S3@cr/et@10.0.0.7/1", "rtsp://10.0.0.7/1"),
    ("rtsp://admin:12/34@camera/1", "rtsp://camera/1"),
    ("rtsp://admin:S3%40cret@10.0.0.7/1", "rtsp://10.0.0.7/1"),
    ("rtsp://admin:S3cret@[fe80::1]:554/1", "rtsp://[fe80::1]:554/1"),
    ("RTSP://Admin:S3cret@Camera.Local/1", "rtsp://camera.local/1"),
    ("rtsp://admin:S3cret@", "rtsp://"),
    ("rtsp://admin:S3cret@10.0.0.7:port/1", "rtsp://"),
    # in the query
    ("http://10.0.0.7/videostream.cgi?user=admin&pwd=S3cret", "http://10.0.0.7/videostream.cgi"),
    ("http://10.0.0.7/videostream.cgi?loginuse=admin&loginpas=S3cret",
     "http://10.0.0.7/videostream.cgi"),
    ("http://10.0.0.7:88/cgi-bin/CGIStream.cgi?cmd=GetMJStream&usr=admin&pwd=S3cret",
     "http://10.0.0.7:88/cgi-bin/CGIStream.cgi"),
    ("http://10.0.0.7/cgi-bin/encoder?USER=admin&PWD=S3cret&GET_STREAM",
     "http://10.0.0.7/cgi-bin/encoder"),
    ("http://10.0.0.7/cgi-bin/api.cgi?cmd=Snap&channel=0&rs=abc&user=admin&password=S3cret",
     "http://10.0.0.7/cgi-bin/api.cgi"),
    ("rtmp://10.0.0.7/bcs/channel0_main.bcs?channel=0&stream=0&user=admin&password=S3cret",
     "rtmp://10.0.0.7/bcs/channel0_main.bcs"),
    ("http://10.0.0.7/video?x=8f14e45fceea167a", "http://10.0.0.7/video"),
    ("http://10.0.0.7/video#token=S3cret", "http://10.0.0.7/video"),
    # in the path, as many recorders want it
    ("rtsp://10.0.0.7:554/user=admin&password=S3cret&channel=1&stream=0.sdp?real_stream",
     "rtsp://10.0.0.7:554"),
    ("rtsp://10.0.0.7:554/user=admin_password=S3cret_channel=1_stream=0.sdp",
     "rtsp://10.0.0.7:554"),
    ("rtsp://10.0.0.7:554/0/admin:S3cret/main", "rtsp://10.0.0.7:554/0"),
    ("rtsp://10.0.0.7/live/admin%3AS3cret/1", "rtsp://10.0.0.7/live"),
    ("rtsp://10.0.0.7/live/user%253Dadmin%2526pwd%253DS3cret", "rtsp://10.0.0.7/live"),
    ("rtsp://10.0.0.7/1;user=admin;password=S3cret", "rtsp://10.0.0.7/1"),
    ("rtsp://10.0.0.7;password=S3cret/1", "rtsp://10.0.0.7"),
    # as a path that only the owner knows
    ("rtsps://10.0.0.1:7441/aB3dE6gH9jK2mN5p?enableSrtp", "rtsps://10.0.0.1:7441"),
    ("https://host.example/live/0f8fad5b-d9cb-469f-a165-70867728950e/index.m3u8",
     "https://host.example/live"),
    ("https://host.example/token/S3cret/index.m3u8", "https://host.example/token"),
]  # fmt: skip
OPEN = [
    ("rtsp://10.0.0.7:8554/live", "rtsp://10.0.0.7:8554/live"),
    ("http://camera/video", "http://camera/video"),
    ("http://localhost:8080/?action=stream", "http://localhost:8080/"),
    ("http://10.0.0.7/mjpg/video.mjpg?resolution=640x480&camera=1",
     "http://10.0.0.7/mjpg/video.mjpg"),
    ("rtsp://camera.local/@1", "rtsp://camera.local"),
    ("rtsp://[::1]:554/1", "rtsp://[::1]:554/1"),
    ("/videos/a@b.mp4", "a@b.mp4"),
]  # fmt: skip


@pytest.mark.parametrize(("location", "shown"), SECRET)
def test_an_address_is_shown_and_remembered_without_its_secrets(location: str, shown: str) -> None:
    assert shown_location(location) == shown
    assert has_credentials(location)
    assert "cret" not in host_of(location)


@pytest.mark.parametrize(("location", "shown"), OPEN)
def test_an_address_without_secrets_is_remembered(location: str, shown: str) -> None:
    assert shown_location(location) == shown
    assert not has_credentials(location)


@pytest.mark.parametrize(("location", "shown"), SECRET)
def test_texts_hold_addresses_as_they_are_shown(location: str, shown: str) -> None:
    text = without_credentials(f"[rtsp] {location} gave 401\nagain: '{location}'")
    assert "S3" not in text
    assert "cret" not in text
    assert f"[rtsp] {shown} gave 401\n" in text


def test_texts_hold_no_value_of_a_password() -> None:
    text = "user=ana password: S3cret, api_key = S3cret;cam_pwd=S3cret&rate=30 passed=7"
    told = without_credentials(text)
    assert told == "user=*** password: ***, api_key = ***;cam_pwd=***&rate=30 passed=7"
