// Raw subscriber: joins a LiveKit room without a decoder and writes the H.264 that arrives, as Annex-B.
// Prints one JSON line with what it saw.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/livekit"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"google.golang.org/protobuf/proto"
)

const keyFramePatience = 10 * time.Second

type session struct {
	ws     *websocket.Conn
	sendMu sync.Mutex
	pc     *webrtc.PeerConnection
	early  []webrtc.ICECandidateInit // candidates that came before the offer
	done   chan result
	out    string
	length time.Duration
}

type result struct {
	Packets    int    `json:"packets"`
	Gaps       int    `json:"gaps"`
	Bytes      int    `json:"bytes"`
	Timestamps int    `json:"timestamps"`
	Deltas     []int  `json:"deltas"` // distinct differences between successive RTP timestamps
	Mime       string `json:"mime"`
}

func (s *session) send(r *livekit.SignalRequest) error {
	b, err := proto.Marshal(r)
	if err != nil {
		return err
	}
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	return s.ws.WriteMessage(websocket.BinaryMessage, b)
}

func (s *session) handle(m *livekit.SignalResponse) error {
	switch v := m.Message.(type) {
	case *livekit.SignalResponse_Offer:
		return s.answer(v.Offer)
	case *livekit.SignalResponse_Trickle:
		var c webrtc.ICECandidateInit
		if err := json.Unmarshal([]byte(v.Trickle.CandidateInit), &c); err != nil {
			return err
		}
		if v.Trickle.Target != livekit.SignalTarget_SUBSCRIBER {
			return nil
		}
		if s.pc.RemoteDescription() == nil {
			s.early = append(s.early, c)
			return nil
		}
		return s.pc.AddICECandidate(c)
	case *livekit.SignalResponse_Leave:
		return fmt.Errorf("server asked to leave: %v", v.Leave.Reason)
	}
	return nil
}

func (s *session) answer(o *livekit.SessionDescription) error {
	if err := s.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.Sdp}); err != nil {
		return err
	}
	for _, c := range s.early {
		if err := s.pc.AddICECandidate(c); err != nil {
			return err
		}
	}
	s.early = nil
	a, err := s.pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := s.pc.SetLocalDescription(a); err != nil {
		return err
	}
	return s.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Answer{
		Answer: &livekit.SessionDescription{Type: "answer", Sdp: a.SDP, Id: o.Id}}})
}

// record depacketizes from the first key frame on, until the time is over.
func (s *session) record(t *webrtc.TrackRemote) {
	f, err := os.Create(s.out)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	r := result{Mime: t.Codec().MimeType}
	var depacketizer codecs.H264Packet
	// A camera may leave seconds between its key frames.
	started, deadline := false, time.Now().Add(s.length+keyFramePatience)
	var lastSeq uint16
	var lastTS uint32
	seen := map[int]bool{}
	for time.Now().Before(deadline) {
		_ = t.SetReadDeadline(deadline.Add(time.Second))
		p, _, err := t.ReadRTP()
		if err != nil {
			break
		}
		if !started {
			// An SFU may send padding (NAL type 0) first; the stream begins with parameter sets.
			if len(p.Payload) == 0 || !beginsKeyFrame(p.Payload) {
				continue
			}
			started, lastSeq, lastTS = true, p.SequenceNumber-1, p.Timestamp
			deadline = time.Now().Add(s.length)
			r.Timestamps = 1
		}
		if len(p.Payload) == 0 {
			lastSeq = p.SequenceNumber
			continue
		}
		if p.SequenceNumber != lastSeq+1 {
			r.Gaps++
		}
		lastSeq = p.SequenceNumber
		if p.Timestamp != lastTS {
			r.Timestamps++
			if d := int(int32(p.Timestamp - lastTS)); !seen[d] && len(r.Deltas) < 64 {
				seen[d] = true
				r.Deltas = append(r.Deltas, d)
			}
			lastTS = p.Timestamp
		}
		b, err := depacketizer.Unmarshal(p.Payload)
		if err != nil {
			log.Printf("depacketizing: %v", err)
			continue
		}
		r.Packets++
		r.Bytes += len(b)
		if _, err := f.Write(b); err != nil {
			log.Fatal(err)
		}
	}
	s.done <- r
}

func beginsKeyFrame(p []byte) bool {
	t := p[0] & 31
	if t == 24 && len(p) > 3 { // STAP-A: look at its first NAL unit
		t = p[3] & 31
	}
	return t == 7 || t == 9 && len(p) > 2
}

func main() {
	server := flag.String("url", "ws://127.0.0.1:7880", "")
	token := flag.String("token", "", "")
	out := flag.String("out", "raw.h264", "")
	length := flag.Duration("duration", 10*time.Second, "counted from the first key frame")
	flag.Parse()

	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		log.Fatal(err)
	}
	q := url.Values{"access_token": {*token}, "auto_subscribe": {"1"}, "protocol": {"15"}, "sdk": {"go"}}
	ws, _, err := websocket.DefaultDialer.Dial(*server+"/rtc?"+q.Encode(), nil)
	if err != nil {
		log.Fatal("joining failed") // the error would print the token
	}
	s := &session{ws: ws, pc: pc, done: make(chan result, 1), out: *out, length: *length}
	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
		if t.Kind() != webrtc.RTPCodecTypeVideo {
			return
		}
		go func() { // feedback of the receiver must be read for it to be processed
			b := make([]byte, 1500)
			for {
				if _, _, err := r.Read(b); err != nil {
					return
				}
			}
		}()
		s.record(t)
	})
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			return
		}
		b, _ := json.Marshal(c.ToJSON())
		_ = s.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Trickle{
			Trickle: &livekit.TrickleRequest{CandidateInit: string(b), Target: livekit.SignalTarget_SUBSCRIBER}}})
	})
	go func() {
		for range time.Tick(5 * time.Second) {
			_ = s.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Ping{Ping: time.Now().UnixMilli()}})
		}
	}()
	go func() {
		for {
			_, b, err := ws.ReadMessage()
			if err != nil {
				log.Fatalf("signalling ended: %v", err)
			}
			m := &livekit.SignalResponse{}
			if err := proto.Unmarshal(b, m); err == nil {
				err = s.handle(m)
			}
			if err != nil {
				log.Fatal(err)
			}
		}
	}()
	select {
	case r := <-s.done:
		b, _ := json.Marshal(r)
		fmt.Println(string(b))
	case <-time.After(*length + 30*time.Second):
		log.Fatal("no video track within 30 s")
	}
}
