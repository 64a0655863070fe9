// The real station under test: the program `openline`, used as a person uses
// it: its commands, their JSON, their exit statuses. Nothing else of it is
// known here.

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

var program string // the path of openline

type station struct {
	dir     string
	port    string
	process *exec.Cmd
	log     *bytes.Buffer
}

var lastPort uint32 = 20000 + uint32(os.Getpid()*16%10000)

// freePort is one of 127.0.0.1 that is free for both bearers. Below those
// that the kernel gives to whoever connects, or it might be gone by its use.
func freePort() string {
	for {
		address := fmt.Sprintf("127.0.0.1:%d",
			atomic.AddUint32(&lastPort, 1))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		u, err := net.ListenPacket("udp", address)
		l.Close()
		if err == nil {
			u.Close()
			return address
		}
	}
}

func newStation(root string) *station {
	s := &station{dir: filepath.Join(root, "north"), port: freePort(),
		log: &bytes.Buffer{}}
	s.ok("init", "--name", "north")
	s.write("station.conf", "[station]\nname = north\n"+
		"listen = tcp://"+s.port+"\nlisten = udp://"+s.port+"\n"+
		"reach = cable tcp://"+s.port+"\nreach = radio udp://"+s.port+"\n")
	return s
}

func (s *station) write(name, text string) string {
	path := filepath.Join(s.dir, name)
	need(os.WriteFile(path, []byte(text), 0o600))
	return path
}

// environment keeps the restore marker in this story's folder, too.
func (s *station) environment() []string {
	env := []string{"XDG_STATE_HOME=" + s.dir + ".state"}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "OPENLINE_") &&
			!strings.HasPrefix(e, "XDG_STATE_HOME=") {
			env = append(env, e)
		}
	}
	return env
}

// run gives standard output and the exit status.
func (s *station) run(args ...string) (string, int) {
	args = append([]string{args[0], "-d", s.dir}, args[1:]...)
	command := exec.Command(program, args...)
	command.Env = s.environment()
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	err := command.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		need(err)
	}
	return out.String() + complaint.String(), command.ProcessState.ExitCode()
}

func (s *station) ok(args ...string) string {
	out, status := s.run(args...)
	expect(status == 0, "openline %s: exit status %d: %s",
		strings.Join(args, " "), status, out)
	return out
}

// pair exchanges cards: the Go side's share, and the line that comes of it.
func (s *station) pair(me identity, channels []channel) (*line, []byte) {
	theirs, _, err := readCard(s.ok("card", me.name))
	need(err)
	share := random(32)
	s.ok("pair", s.write("south.card",
		cardText(me.cardFor("north", share, channels))))
	return newLine(me, share, theirs), share
}

// channels writes the line's configuration.
func (s *station) channels(list ...string) {
	s.write("lines.d/south.conf", "[line]\ncard = south.card\n"+
		"channel = "+strings.Join(list, "\nchannel = ")+
		"\nprobe = 1s\nhold = 3s\n")
}

func (s *station) start() {
	s.process = exec.Command(program, "run", "-d", s.dir)
	s.process.Env = s.environment()
	s.process.Stdout, s.process.Stderr = s.log, s.log
	need(s.process.Start())
	for i := 0; i < 500; i++ {
		if _, status := s.run("status"); status == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	panic(failure("openline did not start: " + s.log.String()))
}

func (s *station) stop() {
	if s.process != nil {
		s.process.Process.Signal(syscall.SIGTERM)
		s.process.Wait()
		s.process = nil
	}
}

// message is what this test reads of a message's JSON.
type message struct {
	Name, Author, Text, Rung, Precedence, Kind string
	Number                                     uint64
}

func (s *station) messages() (list []message) {
	need(json.Unmarshal([]byte(s.ok("log", "south", "--json")), &list))
	return list
}

// find is the message of this text, or none; of what came and is not read, log
// shows no text.
func (s *station) find(text string) (found message) {
	for _, m := range s.messages() {
		if m.Text == text {
			found = m
		}
	}
	return found
}

// came is the message of the Go side with this number, or none.
func (s *station) came(number uint64) (found message) {
	for _, m := range s.messages() {
		if m.Author == "south" && m.Number == number {
			found = m
		}
	}
	return found
}

// read opens a message, as a person does: it gives a receipt.
func (s *station) read(name string) (m message) {
	need(json.Unmarshal([]byte(s.ok("read", name, "--json")), &m))
	return m
}

type status struct {
	State        string
	SafetyNumber string                 `json:"safety_number"`
	PeerSees     struct{ State string } `json:"peer_sees"`
	Channels     []struct {
		Name, State string
		PeerSees    struct{ State string } `json:"peer_sees"`
	}
	ForwardSecrecy interface{} `json:"forward_secrecy"`
}

func (s *station) status() status {
	var all struct{ Lines []status }
	need(json.Unmarshal([]byte(s.ok("status", "south", "--json")), &all))
	expect(len(all.Lines) == 1, "status: %d lines", len(all.Lines))
	return all.Lines[0]
}

func (s *station) channel(name string) (state, seen string) {
	for _, c := range s.status().Channels {
		if c.Name == name {
			return c.State, c.PeerSees.State
		}
	}
	return "", ""
}

// background runs a command beside what the test does; its answer is waited
// for by calling what comes back.
func (s *station) background(args ...string) func() (string, int, bool) {
	type answer struct {
		out    string
		status int
	}
	done := make(chan answer, 1)
	go func() {
		defer func() { recover() }()
		out, status := s.run(args...)
		done <- answer{out, status}
	}()
	var have *answer
	return func() (string, int, bool) {
		if have == nil {
			select {
			case a := <-done:
				have = &a
			default:
				return "", 0, false
			}
		}
		return have.out, have.status, true
	}
}

type failure string

func expect(ok bool, format string, args ...interface{}) {
	if !ok {
		panic(failure(fmt.Sprintf(format, args...)))
	}
}

func need(err error) {
	if err != nil {
		panic(failure(err.Error()))
	}
}

// frames is how many frames of ours the station has counted.
func (s *station) frames() (n int) {
	var all struct {
		Lines []struct {
			Channels []struct {
				Received int `json:"frames_received"`
			}
		}
	}
	need(json.Unmarshal([]byte(s.ok("status", "south", "--json")), &all))
	for _, c := range all.Lines[0].Channels {
		n += c.Received
	}
	return n
}
