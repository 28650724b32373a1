// An echo over gomemif, the memif of the govpp project: what comes in goes out again.
// Usage: gomemif master|slave SOCKET ID SECRET
package main

import (
	"fmt"
	"os"
	"strconv"

	"go.fd.io/govpp/extras/gomemif/memif"
)

const packetBytes = 2048

type echo struct {
	quit chan struct{}
	done chan struct{}
}

func (e *echo) run(i *memif.Interface) {
	defer close(e.done)
	rx, err := i.GetRxQueue(0)
	if err != nil {
		fail("rx queue", err)
	}
	tx, err := i.GetTxQueue(0)
	if err != nil {
		fail("tx queue", err)
	}
	packet := make([]byte, packetBytes)
	for {
		select {
		case <-e.quit:
			return
		default:
		}
		length, err := rx.ReadPacket(packet)
		if err != nil {
			fail("read", err)
		}
		for length > 0 && tx.WritePacket(packet[:length]) == 0 {
			select {
			case <-e.quit:
				return
			default:
			}
		}
	}
}

func fail(what string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	os.Exit(1)
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: gomemif master|slave SOCKET ID SECRET")
		os.Exit(2)
	}
	isMaster := os.Args[1] == "master"
	id, err := strconv.ParseUint(os.Args[3], 10, 32)
	if err != nil {
		fail("id", err)
	}
	var secret [24]byte
	copy(secret[:], os.Args[4])

	socket, err := memif.NewSocket("echo", os.Args[2])
	if err != nil {
		fail("socket", err)
	}
	state := &echo{}
	i, err := socket.NewInterface(&memif.Arguments{
		Id:       uint32(id),
		IsMaster: isMaster,
		Name:     "gomemif0",
		Secret:   secret,
		ConnectedFunc: func(i *memif.Interface) error {
			state.quit, state.done = make(chan struct{}), make(chan struct{})
			fmt.Println("connected")
			go state.run(i)
			return nil
		},
		DisconnectedFunc: func(i *memif.Interface) error {
			close(state.quit)
			<-state.done
			fmt.Println("disconnected")
			return nil
		},
		PrivateData: state,
	})
	if err != nil {
		fail("interface", err)
	}
	if !isMaster {
		if err := i.RequestConnection(); err != nil {
			fail("connect", err)
		}
	}
	errors := make(chan error, 16)
	socket.StartPolling(errors)
	fmt.Println("ready")
	for err := range errors {
		fmt.Fprintf(os.Stderr, "control: %v\n", err)
	}
}
