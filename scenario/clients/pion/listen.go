package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media/samplebuilder"
)

const midURI = "urn:ietf:params:rtp-hdrext:sdes:mid"

// Packets that a picture may wait for one of its own that comes late.
const latePackets = 100

// listen has each line that is received heard or seen, and tells on which SSRC and with which mid it came.
func listen(connection *webrtc.PeerConnection, senses []string) {
	connection.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		if track.Kind() == webrtc.RTPCodecTypeVideo {
			please := &rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}
			if err := connection.WriteRTCP([]rtcp.Packet{please}); err != nil {
				failed(err)
			}
		}
		if err := follow(track, receiver, senses); err != nil && !errors.Is(err, io.EOF) {
			failed(err)
		}
	})
}

func follow(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver, senses []string) error {
	mid := receiver.RTPTransceiver().Mid()
	take, err := perceive(track, mid, senses)
	if err != nil {
		return err
	}
	extensions := receiver.GetParameters().HeaderExtensions
	extension := uint8(0)
	at := slices.IndexFunc(extensions, func(one webrtc.RTPHeaderExtensionParameter) bool { return one.URI == midURI })
	if at >= 0 {
		extension = uint8(extensions[at].ID)
	}
	told, name := "", ""
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return err
		}
		// It stands in the first packets, until the sender knows that they were received.
		if extended := packet.GetExtension(extension); extended != nil {
			name = string(extended)
		}
		facts := map[string]any{
			"mid": mid, "kind": track.Kind().String(), "ssrc": packet.SSRC, "mid_in_packets": name,
		}
		if now := fmt.Sprint(facts); now != told {
			event := "moved"
			if told == "" {
				event = "line"
			}
			say(event, facts)
			told = now
		}
		// A packet of padding alone has nothing to decode.
		if len(packet.Payload) == 0 {
			continue
		}
		if err := take(packet); err != nil {
			return err
		}
	}
}

// perceive starts ears or eyes for one line and gives what takes its packets.
func perceive(track *webrtc.TrackRemote, mid string, senses []string) (func(*rtp.Packet) error, error) {
	codec := track.Codec()
	if codec.MimeType != webrtc.MimeTypeOpus && codec.MimeType != webrtc.MimeTypeVP8 {
		return nil, errors.New("no senses for " + codec.MimeType)
	}
	child := exec.Command(senses[0], senses[1:]...)
	child.Stderr = os.Stderr
	input, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, err
	}
	go tell(output, mid)
	write := func(kind string, whole []byte) error {
		_, err := fmt.Fprintf(input, "%s %s\n", kind, base64.StdEncoding.EncodeToString(whole))
		return err
	}
	if codec.MimeType == webrtc.MimeTypeOpus {
		return func(packet *rtp.Packet) error { return write("audio", packet.Payload) }, nil
	}
	frames := samplebuilder.New(latePackets, &codecs.VP8Packet{}, codec.ClockRate)
	return func(packet *rtp.Packet) error {
		frames.Push(packet)
		for frame := frames.Pop(); frame != nil; frame = frames.Pop() {
			if err := write("video", frame.Data); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// tell passes on what the senses say, with the line that they are of.
func tell(output io.Reader, mid string) {
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		facts := map[string]any{}
		if err := json.Unmarshal(lines.Bytes(), &facts); err != nil {
			failed(err)
			return
		}
		facts["mid"] = mid
		say(fmt.Sprint(facts["event"]), facts)
	}
	if err := lines.Err(); err != nil {
		failed(err)
	}
}
