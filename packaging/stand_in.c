/* Stands in the place of libx264 and libx265 in the packaged program.

   PyAV's wheels bring an FFmpeg whose libavcodec loads both libraries before anything else, and both are
   under the GPL. ferdesk encodes with neither (ferdesk/adapters/outputs/video_writer.py). This file has the names
   that libavcodec looks for and nothing else: who asks for one of these encoders is told that it
   cannot be opened. The numbers in two of the names belong to the version; packaging/no_gpl.py reads them
   from libavcodec and passes them as X264_OPEN and X265_GET. */

#include <stddef.h>

#ifdef _WIN32
#define NAME __declspec(dllexport)
#else
#define NAME __attribute__((visibility("default")))
#endif

#ifdef X264_OPEN
NAME const char x264_levels[64] = {0}; /* its first entry is the end of the list */
NAME void *X264_OPEN(void *parameters) { (void)parameters; return NULL; }
NAME void x264_encoder_close(void *encoder) { (void)encoder; }
NAME int x264_encoder_delayed_frames(void *encoder) { (void)encoder; return 0; }
NAME int x264_encoder_maximum_delayed_frames(void *encoder) { (void)encoder; return 0; }
NAME int x264_encoder_reconfig(void *encoder, void *parameters) { (void)encoder; (void)parameters; return -1; }
NAME int x264_encoder_headers(void *encoder, void *units, int *count) {
  (void)encoder; (void)units; (void)count; return -1;
}
NAME int x264_encoder_encode(void *encoder, void *units, int *count, void *in, void *out) {
  (void)encoder; (void)units; (void)count; (void)in; (void)out; return -1;
}
NAME void x264_param_default(void *parameters) { (void)parameters; }
NAME int x264_param_default_preset(void *parameters, const char *preset, const char *tune) {
  (void)parameters; (void)preset; (void)tune; return -1;
}
NAME int x264_param_parse(void *parameters, const char *name, const char *value) {
  (void)parameters; (void)name; (void)value; return -1;
}
NAME int x264_param_apply_profile(void *parameters, const char *profile) {
  (void)parameters; (void)profile; return -1;
}
NAME void x264_param_apply_fastfirstpass(void *parameters) { (void)parameters; }
NAME void x264_param_cleanup(void *parameters) { (void)parameters; }
NAME void x264_picture_init(void *picture) { (void)picture; }
#endif

#ifdef X265_GET
NAME const void *X265_GET(int depth) { (void)depth; return NULL; }
#endif
