package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"github.com/pion/webrtc/v4/pkg/media/h264reader"
	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

const (
	audioFrame = 20 * time.Millisecond
	videoFrame = time.Second / 15
	// Of one packet, with its header extensions.
	packetBytes = 1_100
	ridURI      = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
)

// published is what we send: frames in memory, sent in a circle.
type published struct {
	players []*player
	stopped chan struct{}
}

// player sends the frames of one line, or of one of its layers.
type player struct {
	frames [][]byte
	period time.Duration
	write  func(frame []byte) error
	// A key frame was asked for: the pictures begin anew, with one.
	asked atomic.Bool
}

// publish adds the lines to the connection, in their order.
func publish(connection *webrtc.PeerConnection, given settings) (*published, error) {
	made := &published{stopped: make(chan struct{})}
	for number, line := range given.Lines {
		kind := webrtc.NewRTPCodecType(line.Kind)
		direction := webrtc.RTPTransceiverDirectionSendrecv
		if line.Direction != "" {
			direction = webrtc.NewRTPTransceiverDirection(line.Direction)
		}
		init := webrtc.RTPTransceiverInit{Direction: direction}
		if direction == webrtc.RTPTransceiverDirectionRecvonly {
			if _, err := connection.AddTransceiverFromKind(kind, init); err != nil {
				return nil, err
			}
			continue
		}
		add := made.add
		if len(line.Layers) > 0 {
			add = made.addLayers
		}
		if err := add(connection, given, line, fmt.Sprintf("line-%d", number), init); err != nil {
			return nil, err
		}
	}
	return made, nil
}

func (p *published) add(
	connection *webrtc.PeerConnection, given settings, line line, name string, init webrtc.RTPTransceiverInit,
) error {
	made, mime, err := read(given, line.Kind)
	if err != nil {
		return err
	}
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mime}, name, "pion")
	if err != nil {
		return err
	}
	made.write = func(frame []byte) error {
		return track.WriteSample(media.Sample{Data: frame, Duration: made.period})
	}
	p.players = append(p.players, made)
	transceiver, err := connection.AddTransceiverFromTrack(track, init)
	if err != nil {
		return err
	}
	sender := transceiver.Sender()
	go made.readReports(func() ([]rtcp.Packet, interceptor.Attributes, error) { return sender.ReadRTCP() })
	return nil
}

// addLayers sends the same pictures as several layers. Pion leaves it to us to name the line and the layer in each packet.
func (p *published) addLayers(
	connection *webrtc.PeerConnection, given settings, line line, name string, init webrtc.RTPTransceiverInit,
) error {
	var transceiver *webrtc.RTPTransceiver
	for _, layer := range line.Layers {
		made, mime, err := read(given, line.Kind)
		if err != nil {
			return err
		}
		if mime != webrtc.MimeTypeVP8 {
			return errors.New("layers are of VP8")
		}
		track, err := webrtc.NewTrackLocalStaticRTP(
			webrtc.RTPCodecCapability{MimeType: mime}, name, "pion", webrtc.WithRTPStreamID(layer))
		if err != nil {
			return err
		}
		if transceiver == nil {
			transceiver, err = connection.AddTransceiverFromTrack(track, init)
		} else {
			err = transceiver.Sender().AddEncoding(track)
		}
		if err != nil {
			return err
		}
		made.write = layerWriter(transceiver, track, made.period)
		p.players = append(p.players, made)
		sender := transceiver.Sender()
		go made.readReports(func() ([]rtcp.Packet, interceptor.Attributes, error) {
			return sender.ReadSimulcastRTCP(layer)
		})
	}
	return nil
}

func layerWriter(
	transceiver *webrtc.RTPTransceiver, track *webrtc.TrackLocalStaticRTP, period time.Duration,
) func(frame []byte) error {
	const clockRate = 90_000
	packets := rtp.NewPacketizer(packetBytes, 0, 0, &codecs.VP8Payloader{EnablePictureID: true}, rtp.NewRandomSequencer(), clockRate)
	names := map[string]string{ridURI: track.RID()}
	return func(frame []byte) error {
		names[midURI] = transceiver.Mid()
		for _, packet := range packets.Packetize(frame, uint32(period.Seconds()*clockRate)) {
			for _, extension := range transceiver.Sender().GetParameters().HeaderExtensions {
				name, is_name := names[extension.URI]
				if !is_name {
					continue
				}
				if err := packet.SetExtension(uint8(extension.ID), []byte(name)); err != nil {
					return err
				}
			}
			if err := track.WriteRTP(packet); err != nil {
				return err
			}
		}
		return nil
	}
}

// read gives a player of what lines of that kind send.
func read(given settings, kind string) (*player, string, error) {
	if kind == "audio" {
		frames, err := readOpus(given.Audio)
		return &player{frames: frames, period: audioFrame}, webrtc.MimeTypeOpus, err
	}
	frames, mime, err := readPictures(given.Video)
	return &player{frames: frames, period: videoFrame}, mime, err
}

// send plays until stopped.
func (p *published) send() error {
	var all sync.WaitGroup
	failures := make([]error, len(p.players))
	for number, each := range p.players {
		all.Add(1)
		go func() {
			defer all.Done()
			next := 0
			failures[number] = ticks(each.period, p.stopped, func() error {
				if each.asked.Swap(false) {
					next = 0
				}
				frame := each.frames[next%len(each.frames)]
				next++
				return each.write(frame)
			})
		}()
	}
	all.Wait()
	return errors.Join(failures...)
}

func (p *published) stop() { close(p.stopped) }

func readOpus(path string) ([][]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader, _, err := oggreader.NewWith(file)
	if err != nil {
		return nil, err
	}
	var packets [][]byte
	for {
		page, header, err := reader.ParseNextPage()
		if errors.Is(err, io.EOF) {
			return packets, nil
		}
		if err != nil {
			return nil, err
		}
		// The maker of the file puts one packet on a page; the comments of the head are none.
		if header.GranulePosition != 0 && !bytes.HasPrefix(page, []byte("OpusTags")) {
			packets = append(packets, page)
		}
	}
}

func readPictures(path string) ([][]byte, string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	switch filepath.Ext(path) {
	case ".ivf":
		frames, err := readIvf(file)
		return frames, webrtc.MimeTypeVP8, err
	case ".h264":
		frames, err := readAnnexB(file)
		return frames, webrtc.MimeTypeH264, err
	}
	return nil, "", fmt.Errorf("no known pictures: %s", path)
}

func readIvf(file io.Reader) ([][]byte, error) {
	reader, _, err := ivfreader.NewWith(file)
	if err != nil {
		return nil, err
	}
	var frames [][]byte
	for {
		frame, _, err := reader.ParseNextFrame()
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return nil, err
		}
		frames = append(frames, frame)
	}
}

// readAnnexB makes one sample of the parameter sets and the one slice of each picture.
func readAnnexB(file io.Reader) ([][]byte, error) {
	reader, err := h264reader.NewReader(file)
	if err != nil {
		return nil, err
	}
	var frames [][]byte
	var frame []byte
	for {
		nal, err := reader.NextNAL()
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return nil, err
		}
		frame = append(append(frame, 0, 0, 0, 1), nal.Data...)
		if nal.UnitType == h264reader.NalUnitTypeCodedSliceIdr || nal.UnitType == h264reader.NalUnitTypeCodedSliceNonIdr {
			frames = append(frames, frame)
			frame = nil
		}
	}
}

// readReports reads what comes back and begins anew for each request of a key frame.
func (p *player) readReports(read func() ([]rtcp.Packet, interceptor.Attributes, error)) {
	for {
		packets, _, err := read()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
				failed(err)
			}
			return
		}
		for _, packet := range packets {
			if _, is_pli := packet.(*rtcp.PictureLossIndication); is_pli {
				p.asked.Store(true)
			}
		}
	}
}

// ticks calls each once per period, without drifting, until stopped.
func ticks(period time.Duration, stopped <-chan struct{}, each func() error) error {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-stopped:
			return nil
		case <-ticker.C:
			if err := each(); err != nil {
				return err
			}
		}
	}
}
