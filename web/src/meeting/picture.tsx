// A moving picture: one video element that keeps its media for as long as it lives.
import { useEffect, useRef } from "react";

/** Shows media without sound. A picture that is not visible stays in place, so that its last frame is there when it comes back. */
export function Picture(props: {
  readonly media: MediaStream | null;
  readonly is_visible: boolean;
  readonly is_mirrored?: boolean;
  readonly is_whole?: boolean;
}) {
  const element = useRef<HTMLVideoElement>(null);
  const { media } = props;
  useEffect(() => {
    if (element.current && element.current.srcObject !== media) element.current.srcObject = media;
  }, [media]);
  const classes = [
    "picture",
    props.is_visible ? "" : "is-absent",
    props.is_mirrored ? "is-mirrored" : "",
    props.is_whole ? "is-whole" : "",
  ];
  return (
    <video
      ref={element}
      className={classes.filter(Boolean).join(" ")}
      autoPlay
      muted
      playsInline
      tabIndex={-1}
      aria-hidden="true"
    />
  );
}
