// The derivations of doc/protocol.md a second time, in another language and
// on other people's primitives, to write the vectors that ours must match:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode \
//	    go run tests/vectors/openline.go > tests/vectors/openline.txt
//
// It shares no line with src/crypto. The test `vectors-openline-go` runs it
// again where Go is installed and compares.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strings"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/curve25519"
)

const head = `# Vectors of the Openline protocol, version 1, for a second implementation.
#
# Blocks of key=value, a blank line between them. Values are hexadecimal,
# but for name, prec, prefix, safety_number and text_N, which are text, and for
# lower, direction, counter and size, which are decimal. No byte stands
# between or behind the parts of what is hashed. lower says whether the first
# station has the lower Ed25519 key; text_N is followed by a newline in what
# is signed. Written by openline.go.
`

type station struct {
	name                 string
	seed, edPk, xSk, xPk []byte
	share                []byte
	edSk                 ed25519.PrivateKey
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func ramp(from byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = from + byte(i)
	}
	return b
}

func block(pairs ...interface{}) {
	fmt.Println()
	for i := 0; i < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case []byte:
			fmt.Printf("%s=%s\n", pairs[i], hex.EncodeToString(v))
		default:
			fmt.Printf("%s=%v\n", pairs[i], v)
		}
	}
}

func hash(size int, key []byte, parts ...[]byte) []byte {
	h, err := blake2b.New(size, key)
	must(err)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func be32(v uint32) []byte {
	b := make([]byte, 4)
	binary.BigEndian.PutUint32(b, v)
	return b
}

func siphash24(key, msg []byte) []byte {
	k0 := binary.LittleEndian.Uint64(key)
	k1 := binary.LittleEndian.Uint64(key[8:])
	v0, v1 := k0^0x736f6d6570736575, k1^0x646f72616e646f6d
	v2, v3 := k0^0x6c7967656e657261, k1^0x7465646279746573
	rounds := func(n int) {
		for ; n > 0; n-- {
			v0 += v1
			v1 = bits.RotateLeft64(v1, 13) ^ v0
			v0 = bits.RotateLeft64(v0, 32)
			v2 += v3
			v3 = bits.RotateLeft64(v3, 16) ^ v2
			v0 += v3
			v3 = bits.RotateLeft64(v3, 21) ^ v0
			v2 += v1
			v1 = bits.RotateLeft64(v1, 17) ^ v2
			v2 = bits.RotateLeft64(v2, 32)
		}
	}
	padded := append([]byte{}, msg...)
	for len(padded)%8 != 7 {
		padded = append(padded, 0)
	}
	padded = append(padded, byte(len(msg)))
	for ; len(padded) > 0; padded = padded[8:] {
		m := binary.LittleEndian.Uint64(padded)
		v3 ^= m
		rounds(2)
		v0 ^= m
	}
	v2 ^= 0xff
	rounds(4)
	out := make([]byte, 8)
	binary.LittleEndian.PutUint64(out, v0^v1^v2^v3)
	return out
}

func makeStation(name string, from byte) station {
	s := station{name: name, seed: ramp(from, 32), xSk: ramp(from+0x40, 32),
		share: ramp(from+0x80, 32)}
	s.edSk = ed25519.NewKeyFromSeed(s.seed)
	s.edPk = s.edSk.Public().(ed25519.PublicKey)
	var err error
	s.xPk, err = curve25519.X25519(s.xSk, curve25519.Basepoint)
	must(err)
	block("vector", "station", "name", name, "ed_seed", s.seed,
		"ed_pk", s.edPk, "x_sk", s.xSk, "x_pk", s.xPk, "share", s.share)
	return s
}

func safety(lineID, psk []byte) string {
	h := hash(64, nil, []byte("openline safety 1"), lineID, hash(32, nil, psk))
	for i := 1; i < 5200; i++ {
		h = hash(64, nil, h)
	}
	var groups []string
	for ; len(groups) < 12; h = h[5:] {
		var v uint64
		for _, b := range h[:5] {
			v = v<<8 | uint64(b)
		}
		groups = append(groups, fmt.Sprintf("%05d", v%100000))
	}
	return strings.Join(groups, " ")
}

func wrap(lineID, psk []byte, direction, kind byte, nonce, plain []byte) {
	key := hash(32, psk, []byte("openline wrap 1"), lineID, []byte{direction})
	shortKey := hash(32, nil, []byte("openline short 1"), lineID,
		[]byte{direction})[:16]
	nonce24 := append(append([]byte{}, nonce...), siphash24(shortKey, nonce)...)
	aead, err := chacha20poly1305.NewX(key)
	must(err)
	packet := append([]byte{kind}, nonce24...)
	packet = aead.Seal(packet, nonce24, plain, []byte{kind})
	block("vector", "wrap", "direction", direction, "wrap_key", key,
		"short_key", shortKey, "type", []byte{kind}, "nonce", nonce,
		"plain", plain, "packet", packet)
}

func frame(session []byte, name string, counter uint32, plain []byte) {
	fk := hash(36, session, []byte("openline frame 1"), []byte(name))
	nonce := make([]byte, 12)
	binary.LittleEndian.PutUint64(nonce[4:], uint64(counter))
	ad := append([]byte{4}, append(append([]byte{}, fk[32:]...),
		be32(counter)...)...)
	aead, err := chacha20poly1305.New(fk[:32])
	must(err)
	block("vector", "frame", "session", session, "name", name,
		"key", fk[:32], "index", fk[32:], "counter", counter, "ad", ad,
		"plain", plain, "sealed", aead.Seal(nil, nonce, plain, ad))
}

// RFC 6962, 2.1, by its recursive definition.
func root(leaves [][]byte) []byte {
	if len(leaves) == 0 {
		h := sha256.Sum256(nil)
		return h[:]
	}
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	h := sha256.Sum256(bytes.Join([][]byte{{1}, root(leaves[:k]),
		root(leaves[k:])}, nil))
	return h[:]
}

func checkpoint(s station, lineID []byte, prec string, size int) {
	var leaves [][]byte
	pairs := []interface{}{"vector", "checkpoint", "name", s.name,
		"prec", prec, "size", size}
	for i := 0; i < size; i++ {
		record := ramp(byte(i), 3*i)
		leaf := sha256.Sum256(bytes.Join([][]byte{{0}, lineID, s.edPk,
			record}, nil))
		leaves = append(leaves, leaf[:])
		pairs = append(pairs, fmt.Sprintf("record_%d", i), record,
			fmt.Sprintf("leaf_%d", i), leaf[:])
	}
	r := root(leaves)
	origin := fmt.Sprintf("openline/%x/%x/%s", lineID, s.edPk, prec)
	root64 := base64.StdEncoding.EncodeToString(r)
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, root64)
	block(append(pairs, "root", r, "text_1", origin, "text_2", size,
		"text_3", root64, "signature", ed25519.Sign(s.edSk, []byte(text)))...)
}

func main() {
	fmt.Print(head)
	a, b := makeStation("north", 0x00), makeStation("south", 0x21)
	low, high, lower := a, b, 1
	if bytes.Compare(b.edPk, a.edPk) < 0 {
		low, high, lower = b, a, 0
	}
	lineID := hash(32, nil, []byte("openline line id 1"), low.edPk, low.xPk,
		high.edPk, high.xPk)
	psk := hash(32, nil, []byte("openline psk 1"), lineID, low.share,
		high.share)
	tag := hash(32, nil, []byte("openline channel 1"), lineID, []byte("tcp"))
	block("vector", "line", "lower", lower, "line_id", lineID, "psk", psk,
		"safety_number", safety(lineID, psk), "name", "tcp",
		"channel_tag", tag[:4])

	wrap(lineID, psk, 1, 1, ramp(0xa0, 16), ramp(0, 120))
	wrap(lineID, psk, 2, 3, ramp(0xb0, 16), ramp(7, 24))
	wrap(lineID, psk, 2, 5, ramp(0xc0, 16), nil)

	session := ramp(0xd0, 32)
	frame(session, "tcp", 0, ramp(0, 40))
	frame(session, "tcp", 4294967294, nil)
	frame(session, "sixteen-letters1", 16909060, ramp(1, 167))

	body := []byte("the body of what is signed")
	block("vector", "sign", "name", a.name, "prefix", "openline test 1",
		"body", body, "signature",
		ed25519.Sign(a.edSk, append([]byte("openline test 1"), body...)))

	checkpoint(a, lineID, "flash", 0)
	checkpoint(b, lineID, "immediate", 1)
	checkpoint(a, lineID, "priority", 5)
	checkpoint(b, lineID, "routine", 8)

	key, nonce, ad := ramp(0x11, 32), ramp(0xe0, 24), []byte("a primary key")
	aead, err := chacha20poly1305.NewX(key)
	must(err)
	block("vector", "atrest", "key", key, "ad", ad, "plain", ramp(0, 50),
		"sealed", aead.Seal(append([]byte{}, nonce...), nonce, ramp(0, 50),
			ad))
}
