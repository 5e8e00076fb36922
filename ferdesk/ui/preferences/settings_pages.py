"""Settings pages: which fields stand on which page, and what they and their choices are called."""

from ferdesk.ui.kit.heatmap import COLOUR_TITLES
from ferdesk.ui.kit.landmarks import LANDMARKS_TITLES
from ferdesk.ui.kit.language import mark
from ferdesk.ui.live.recording_menu import QUALITY_TITLES
from ferdesk.ui.preferences.editors import Row

LABELS_FROM_HINT = mark(
    "Votes: what most of ten people would say of the face. "
    "FER2013: what this data set's labels would say; they call fewer faces neutral."
)
DETECTOR_HINT = mark(
    "MediaPipe's package (an extra) reports how it is used to Google; ferdesk keeps it from that."
)
PAGES: tuple[tuple[str, tuple[Row, ...]], ...] = (
    (
        mark("Source and model"),
        (
            Row("last_source", mark("Source")),
            Row("camera_size", mark("Resolution"), mark("Requested from the camera.")),
            Row("camera_rate", mark("Frame rate")),
            Row("model", mark("Model")),
            Row(
                "lock_model",
                mark("Lock model for this study"),
                mark("Keeps model, device, detector and labels: recordings stay comparable."),
            ),
            Row("provider", mark("Device")),
            Row("detector", mark("Face detector"), DETECTOR_HINT),
        ),
    ),
    (
        mark("Analysis"),
        (
            Row("labels_from", mark("Labels from"), LABELS_FROM_HINT),
            Row(
                "smoothing_tau_s",
                mark("Smoothing"),
                mark("Higher values are smoother but lag more; 0 = off."),
                step=0.1,
                suffix=mark(" s"),
                decimals=1,
            ),
            Row(
                "uncertain_below",
                mark("Confidence threshold"),
                mark("Labels below this are marked as low confidence."),
                factor=100,
                step=5,
                suffix=" %",
            ),
            Row(
                "smallest_face_px",
                mark("Minimum face size"),
                mark("Smaller faces are not classified."),
                step=4,
                suffix=mark(" pixels"),
            ),
            Row(
                "measures",
                mark("Face measurements"),
                mark("Each face takes a few milliseconds; with many faces they take turns."),
            ),
        ),
    ),
    (
        mark("Display"),
        (
            Row(
                "mirror",
                mark("Mirror"),
                mark("Mirrors the preview only; recorded data are unchanged."),
            ),
            Row("show_boxes", mark("Bounding boxes")),
            Row("show_labels", mark("Labels")),
            Row("heatmap", mark("Heatmap")),
            Row("heat_opacity", mark("Heatmap opacity"), factor=100, step=5, suffix=" %"),
            Row("heat_colours", mark("Heatmap colours")),
            Row(
                "heat_in_oval",
                mark("Heatmap within the face's outline"),
                mark("Where landmarks are measured; off, it shows the whole crop."),
            ),
            Row("landmarks_shown", mark("Landmarks"), mark("Drawn while they are measured.")),
            Row(
                "offer_same_face",
                mark("Ask about returning faces"),
                mark("“Is #5 the same person as #2?”, by appearance, on this computer."),
            ),
            Row("side_panel", mark("Panels")),
        ),
    ),
    (
        mark("Recording"),
        (
            Row(
                "record_video",
                mark("Video"),
                mark("Saved next to the data. Blurring also applies to snapshots."),
            ),
            Row(
                "video_quality",
                mark("Video quality"),
                mark("Higher quality makes larger files."),
            ),
            Row(
                "video_codec",
                mark("Video codec"),
                mark("Where this computer cannot write it, the next best is used."),
            ),
            Row(
                "ask_before_recording",
                mark("Ask before each recording"),
                mark("For name, participant, condition, length and folder."),
            ),
            Row(
                "video_heatmap",
                mark("Heatmap in the video"),
                mark("In videos with boxes and labels, while the heatmap is on."),
            ),
            Row(
                "record_sound",
                mark("Sound"),
                mark("Microphone heard in videos; its name, or default. Empty for none."),
            ),
            Row(
                "sound_consent",
                mark("Everyone who can be heard has agreed"),
                mark("A voice tells who speaks: without this, no sound is recorded."),
            ),
            Row(
                "record_landmarks",
                mark("Landmarks"),
                mark("All 478 points of each face, while they are measured; 10 MB a minute."),
            ),
            Row(
                "recording_folder",
                mark("Folder"),
                mark("New recordings are saved here; earlier ones stay where they are."),
            ),
            Row(
                "recording_length_s",
                mark("Fixed length"),
                mark("A recording stops by itself after this time."),
                step=10,
                suffix=mark(" s"),
            ),
            Row(
                "recording_countdown_s",
                mark("Countdown"),
                mark("Seconds between pressing Record and the first frame; 0 = none."),
                suffix=mark(" s"),
            ),
        ),
    ),
    (
        mark("Streams"),
        (
            Row(
                "remote_commands",
                mark("Commands from other programs"),
                mark(
                    "Programs with the WebSocket's token may record, set markers and save "
                    "snapshots. Which commands there are: “ferdesk remote --help”, or “Streams” in "
                    "the documentation."
                ),
            ),
            Row(
                "lsl_markers",
                mark("Markers from LSL"),
                mark("A stream of another program; its markers go into recordings."),
                example="name=PsychoPy; type=Markers",
            ),
            Row(
                "web_origins",
                mark("Web pages"),
                mark("Origins that may connect to the WebSocket, beside programs."),
                example="http://localhost:8000",
            ),
        ),
    ),
    (
        mark("Appearance"),
        (
            Row("theme", mark("Theme")),
            Row("language", mark("Language")),
            Row("font_scale", mark("Text size"), factor=100, step=5, suffix=" %"),
            Row("reduced_motion", mark("Reduced motion"), mark("Turns off animations.")),
        ),
    ),
)
CHOICE_TITLES: dict[str, str] = {
    **{f"heat_colours.{name}": title for name, title in COLOUR_TITLES.items()},
    **{f"landmarks_shown.{name}": title for name, title in LANDMARKS_TITLES.items()},
    "theme.system": mark("Follow system"),
    "theme.light": mark("Light"),
    "theme.dark": mark("Dark"),
    "language.system": mark("Follow system"),
    "record_video.off": mark("No video"),
    "record_video.clean": mark("Original video"),
    "record_video.overlay": mark("Video with boxes and labels"),
    "record_video.anonymous": mark("Video with faces blurred"),
    **{f"video_quality.{name}": title for name, title in QUALITY_TITLES.items()},
    "video_codec.auto": mark("Automatic (H.264 where possible)"),
    "video_codec.h264": "H.264",
    "video_codec.vp9": "VP9",
    "video_codec.mpeg4": "MPEG-4",
    "measures.off": mark("Off"),
    "measures.pose": mark("Landmarks and head pose"),
    "measures.all": mark("Also movements, blinks and gaze"),
    "measures.mean": mark("Also movements, averaged with the mirror image"),
    "labels_from.votes": mark("People's votes"),
    "labels_from.fer2013": mark("FER2013's label"),
    "detector.ferdesk": mark("ferdesk (finds small faces too)"),
    "detector.mediapipe": mark("MediaPipe (whole picture only)"),
    "provider.auto": mark("Automatic"),
    "provider.cpu": mark("CPU"),
    "provider.cuda": mark("CUDA (NVIDIA)"),
}
