// A pion endpoint: joins a conference by one POST without candidates, sends a file of Opus and a file of VP8 or H.264
// again and again, and writes what it receives to files.
//
// One argument: JSON, see settings. Prints one JSON object a line. Words on its standard input: `restart` (ICE, by PATCH),
// `keep` (closes the files of what was received so far and goes on with others), `leave` (DELETE). The end of standard input makes it stop.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/pion/webrtc/v4"
)

type settings struct {
	URL   string `json:"url"`
	Token string `json:"token"`
	// Ogg with Opus, IVF with VP8 or Annex B with H.264, by the ending.
	Audio string `json:"audio"`
	Video string `json:"video"`
	// Folder for what is received.
	Heard string `json:"heard"`
}

func say(event string, facts map[string]any) {
	if facts == nil {
		facts = map[string]any{}
	}
	facts["event"] = event
	line, err := json.Marshal(facts)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(argument string) error {
	var given settings
	if err := json.Unmarshal([]byte(argument), &given); err != nil {
		return err
	}
	connection, err := connect()
	if err != nil {
		return err
	}
	published, err := publish(connection, given)
	if err != nil {
		return err
	}
	joined := join{url: given.URL, token: given.Token, connection: connection}
	connection.OnICECandidate(joined.found)
	ears := listen(connection, given.Heard)
	if err := joined.post(); err != nil {
		return err
	}
	go func() {
		if err := published.send(); err != nil {
			say("failed", map[string]any{"text": err.Error()})
		}
	}()
	if err := obey(&joined, ears); err != nil {
		return err
	}
	published.stop()
	return connection.Close()
}

func connect() (*webrtc.PeerConnection, error) {
	// No ICE servers: addresses of this machine are enough, that of the loopback among them.
	var engine webrtc.SettingEngine
	engine.SetIncludeLoopbackCandidate(true)
	connection, err := webrtc.NewAPI(webrtc.WithSettingEngine(engine)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		say("state", map[string]any{"state": state.String()})
	})
	connection.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) {
		say("ice", map[string]any{"state": state.String()})
	})
	return connection, nil
}

func obey(joined *join, ears *ears) error {
	words := bufio.NewScanner(os.Stdin)
	for words.Scan() {
		var err error
		switch words.Text() {
		case "restart":
			err = joined.restart()
		case "keep":
			err = ears.keep()
		case "leave":
			err = joined.leave()
		default:
			err = errors.New("no such word: " + words.Text())
		}
		if err != nil {
			return err
		}
	}
	return words.Err()
}
