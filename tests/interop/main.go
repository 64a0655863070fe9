// The other side of a line, written from doc/protocol.md alone, on other
// people's Noise (github.com/flynn/noise), against the real `openline`:
//
//	tests/interop/run [NAME...]
//
// One line per story, PASS or FAIL. A story makes a station and a line of its
// own; the Go side is `south`, the real one `north`. Whatever the real side
// does against the document is a fault, and fails its story.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
)

type story struct {
	name string
	tell func(b *bed)
}

var stories = []story{
	{"cards", cards},
	{"initiator-udp", initiator("udp")},
	{"initiator-tcp", initiator("tcp")},
	{"responder-udp", responder("udp")},
	{"responder-tcp", responder("tcp")},
	{"both-channels", bothChannels},
	{"small-frames", smallFrames},
	{"narrow", narrow},
	{"both-knock", bothKnock},
	{"renewal", renewal},
	{"receipts", receipts},
	{"out-of-order", outOfOrder},
	{"knock-again", knockAgain},
	{"behind", behind},
	{"refusals", refusals},
	{"frames-refused", framesRefused},
	{"pouch", pouch},
	{"restored", restored},
}

// bed is what a story stands on.
type bed struct {
	dir   string
	north *station
	peers []*peer
	me    identity
	share []byte
}

func (b *bed) peer(l *line) *peer {
	p := newPeer(l)
	b.peers = append(b.peers, p)
	return p
}

// tell runs one story; the error is empty if it held.
func tell(s story) (wrong string) {
	dir, err := os.MkdirTemp("", "olinterop-")
	need(err)
	b := &bed{dir: dir}
	defer func() {
		if r := recover(); r != nil {
			wrong = fmt.Sprint(r)
			if _, ours := r.(failure); !ours {
				wrong += "\n" + string(debug.Stack())
			}
		}
		for _, p := range b.peers {
			if wrong == "" && len(p.faults) > 0 {
				wrong = strings.Join(p.faults, "; ")
			}
			p.close()
		}
		if b.north != nil {
			b.north.stop()
			if wrong != "" {
				wrong += "\nnorth said:\n" + b.north.log.String()
			}
		}
		os.RemoveAll(dir)
	}()
	b.me = newIdentity("south")
	b.north = newStation(dir)
	s.tell(b)
	return ""
}

// abreast is how many stories run at once: they mostly wait.
const abreast = 6

func main() {
	program = os.Args[1]
	wanted := map[string]bool{}
	for _, name := range os.Args[2:] {
		wanted[name] = true
	}
	var ran, failed int32
	var all sync.WaitGroup
	places := make(chan bool, abreast)
	for _, s := range stories {
		if len(wanted) > 0 && !wanted[s.name] {
			continue
		}
		ran++
		all.Add(1)
		places <- true
		go func(s story) {
			defer all.Done()
			if wrong := tell(s); wrong == "" {
				fmt.Printf("PASS interop/%s\n", s.name)
			} else {
				fmt.Printf("FAIL interop/%s: %s\n", s.name, wrong)
				atomic.AddInt32(&failed, 1)
			}
			<-places
		}(s)
	}
	all.Wait()
	if ran == 0 {
		fmt.Fprintln(os.Stderr, "openline: no story of that name")
	}
	if ran == 0 || failed > 0 {
		os.Exit(1)
	}
}
