// An RTSP camera on gortsplib: loops an Annex-B H.264 file (no B-frames) at /cam, unchanged.
// Prints "READY <address>" when it listens.
package main

import (
	"bytes"
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
)

const clockRate = 90000

type handler struct {
	stream         *gortsplib.ServerStream
	user, password string
}

func (h *handler) open(c *gortsplib.ServerConn, r *base.Request, path string) (*base.Response, *gortsplib.ServerStream, error) {
	if h.user != "" && !c.VerifyCredentials(r, h.user, h.password) {
		// The library adds the challenges to this answer.
		return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
	}
	if strings.Trim(path, "/") != "cam" {
		return &base.Response{StatusCode: base.StatusNotFound}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, h.stream, nil
}

func (h *handler) OnDescribe(x *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return h.open(x.Conn, x.Request, x.Path)
}

func (h *handler) OnSetup(x *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	// Its description says SAVP then; over TCP the library takes AVP too.
	if h.stream.Server.TLSConfig != nil && x.Transport.Profile != headers.TransportProfileSAVP {
		return &base.Response{StatusCode: base.StatusUnsupportedTransport}, nil, nil
	}
	return h.open(x.Conn, x.Request, x.Path)
}

func (h *handler) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// clip is a file cut into access units, with its parameter sets.
type clip struct {
	accessUnits [][][]byte
	sps, pps    []byte
}

func readClip(path string) clip {
	file, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	var c clip
	pictureSeen := true // so that the first NAL unit opens an access unit
	for _, nal := range bytes.Split(file, []byte{0, 0, 1}) {
		nal = bytes.TrimRight(nal, "\x00")
		if len(nal) < 2 {
			continue
		}
		kind := nal[0] & 31
		slice := kind == 1 || kind == 5
		firstSlice := slice && nal[1]&0x80 != 0
		if pictureSeen && (firstSlice || kind >= 6 && kind <= 9) {
			c.accessUnits = append(c.accessUnits, nil)
			pictureSeen = false
		}
		pictureSeen = pictureSeen || slice
		last := len(c.accessUnits) - 1
		c.accessUnits[last] = append(c.accessUnits[last], nal)
		switch kind {
		case 7:
			c.sps = nal
		case 8:
			c.pps = nal
		}
	}
	return c
}

type options struct {
	address, methods, certificate string
	udp, multicast                bool
}

// The library tunnels over HTTP and WebSocket by itself, and with a certificate offers SRTP.
func server(h *handler, o options) *gortsplib.Server {
	s := &gortsplib.Server{Handler: h, RTSPAddress: o.address, WriteQueueSize: 4096}
	if o.udp {
		host, port, err := net.SplitHostPort(o.address)
		if err != nil {
			log.Fatal(err)
		}
		n, err := strconv.Atoi(port)
		if err != nil {
			log.Fatal(err)
		}
		// An even pair beside the RTSP port.
		n += 1000 + n%2
		s.UDPRTPAddress = net.JoinHostPort(host, strconv.Itoa(n))
		s.UDPRTCPAddress = net.JoinHostPort(host, strconv.Itoa(n+1))
	}
	if o.multicast {
		s.MulticastIPRange, s.MulticastRTPPort, s.MulticastRTCPPort = "239.255.43.0/24", 8002, 8003
	}
	if o.certificate != "" {
		c, err := tls.LoadX509KeyPair(o.certificate, o.certificate)
		if err != nil {
			log.Fatal(err)
		}
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{c}}
	}
	known := map[string]auth.VerifyMethod{"basic": auth.VerifyMethodBasic,
		"md5": auth.VerifyMethodDigestMD5, "sha256": auth.VerifyMethodDigestSHA256}
	for _, m := range strings.FieldsFunc(o.methods, func(r rune) bool { return r == ',' }) {
		method, ok := known[m]
		if !ok {
			log.Fatalf("unknown method %q", m)
		}
		s.AuthMethods = append(s.AuthMethods, method)
	}
	return s
}

func main() {
	var o options
	file := flag.String("file", "", "Annex-B file to loop")
	flag.StringVar(&o.address, "addr", "127.0.0.1:8554", "")
	fps := flag.Int("fps", 30, "")
	flag.BoolVar(&o.udp, "udp", false, "serve UDP too, on an even port pair some 1000 above")
	flag.BoolVar(&o.multicast, "multicast", false, "serve multicast too")
	flag.StringVar(&o.certificate, "tls", "", "file with certificate and key: the whole port speaks TLS")
	flag.StringVar(&o.methods, "auth", "", "comma list of basic, md5, sha256; empty: none")
	user := flag.String("user", "u", "")
	password := flag.String("password", "p", "")
	flag.Parse()

	c := readClip(*file)
	h := &handler{}
	if o.methods != "" {
		h.user, h.password = *user, *password
	}
	s := server(h, o)
	if err := s.Start(); err != nil {
		log.Fatal(err)
	}
	f := &format.H264{PayloadTyp: 96, SPS: c.sps, PPS: c.pps, PacketizationMode: 1}
	m := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{f}}
	h.stream = &gortsplib.ServerStream{Server: s, Desc: &description.Session{Medias: []*description.Media{m}}}
	if err := h.stream.Initialize(); err != nil {
		log.Fatal(err)
	}
	encoder, err := f.CreateEncoder()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("READY", o.address)
	start := time.Now()
	for k := 0; ; k++ {
		time.Sleep(time.Until(start.Add(time.Duration(k) * time.Second / time.Duration(*fps))))
		packets, err := encoder.Encode(c.accessUnits[k%len(c.accessUnits)])
		if err != nil {
			log.Fatal(err)
		}
		for _, p := range packets {
			p.Timestamp = uint32(k * clockRate / *fps)
			if err := h.stream.WritePacketRTP(m, p); err != nil {
				log.Fatal(err)
			}
		}
	}
}
