package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.fd.io/govpp/api"
	interfaces "go.fd.io/govpp/binapi/interface"
	"go.fd.io/govpp/binapi/interface_types"
	"go.fd.io/govpp/binapi/memclnt"
	"go.fd.io/govpp/core"
)

const replyTimeout = 10 * time.Second

// operations: govpp has two ways to do most things; each is measured, and the bench compares with the faster.
var operations = map[string]func(*core.Connection, Order) (int, error){
	"ping.channel":       pingChannel,
	"ping.stream":        pingStream,
	"pipelined.channel":  pipelinedChannel,
	"pipelined.stream":   pipelinedStream,
	"interfaces.channel": interfacesChannel,
	"interfaces.stream":  interfacesStream,
}

// withChannel lends a channel on which `window` requests may wait.
func withChannel(conn *core.Connection, window int, run func(api.Channel) (int, error)) (int, error) {
	ch, err := conn.NewAPIChannelBuffered(window, window)
	if err != nil {
		return 0, err
	}
	defer ch.Close()
	ch.SetReplyTimeout(replyTimeout)
	return run(ch)
}

// pingChannel: one control_ping after the other.
func pingChannel(conn *core.Connection, order Order) (int, error) {
	return withChannel(conn, order.Window, func(ch api.Channel) (int, error) {
		for i := 0; i < order.Count; i++ {
			if err := ch.SendRequest(&memclnt.ControlPing{}).ReceiveReply(&memclnt.ControlPingReply{}); err != nil {
				return i, err
			}
		}
		return order.Count, nil
	})
}

func pingStream(conn *core.Connection, order Order) (int, error) {
	stream, err := conn.NewStream(context.Background(), core.WithReplyTimeout(replyTimeout))
	if err != nil {
		return 0, err
	}
	defer func() { _ = stream.Close() }()
	for i := 0; i < order.Count; i++ {
		if err := stream.SendMsg(&memclnt.ControlPing{}); err != nil {
			return i, err
		}
		if err := expectPong(stream); err != nil {
			return i, err
		}
	}
	return order.Count, nil
}

func expectPong(stream api.Stream) error {
	message, err := stream.RecvMsg()
	if err != nil {
		return err
	}
	if _, ok := message.(*memclnt.ControlPingReply); !ok {
		return fmt.Errorf("%s instead of control_ping_reply", message.GetMessageName())
	}
	return nil
}

// pipelinedChannel: one goroutine asks, another one reads.
func pipelinedChannel(conn *core.Connection, order Order) (int, error) {
	return withChannel(conn, order.Window, func(ch api.Channel) (int, error) {
		asked := make(chan api.RequestCtx, order.Window)
		go func() {
			defer close(asked)
			for i := 0; i < order.Count; i++ {
				asked <- ch.SendRequest(&memclnt.ControlPing{})
			}
		}()
		items := 0
		var failed error
		for request := range asked {
			if err := request.ReceiveReply(&memclnt.ControlPingReply{}); err != nil {
				failed = errors.Join(failed, err)
			} else {
				items++
			}
		}
		return items, failed
	})
}

// pipelinedStream: a stream for each request, as the methods of one may not be called by two goroutines.
func pipelinedStream(conn *core.Connection, order Order) (int, error) {
	asked := make(chan api.Stream, order.Window)
	sent := make(chan error, 1)
	go func() {
		defer close(asked)
		for i := 0; i < order.Count; i++ {
			stream, err := conn.NewStream(context.Background(), core.WithReplyTimeout(replyTimeout))
			if err == nil {
				err = stream.SendMsg(&memclnt.ControlPing{})
			}
			if err != nil {
				sent <- err
				return
			}
			asked <- stream
		}
		sent <- nil
	}()
	items := 0
	var failed error
	for stream := range asked {
		failed = errors.Join(failed, expectPong(stream), stream.Close())
		items++
	}
	return items, errors.Join(failed, <-sent)
}

// interfacesChannel: one dump of all interfaces after the other.
func interfacesChannel(conn *core.Connection, order Order) (int, error) {
	return withChannel(conn, order.Window, func(ch api.Channel) (int, error) {
		items := 0
		for i := 0; i < order.Count; i++ {
			dump := ch.SendMultiRequest(allInterfaces())
			for {
				last, err := dump.ReceiveReply(&interfaces.SwInterfaceDetails{})
				if err != nil {
					return items, err
				}
				if last {
					break
				}
				items++
			}
		}
		return items, nil
	})
}

func allInterfaces() *interfaces.SwInterfaceDump {
	return &interfaces.SwInterfaceDump{SwIfIndex: ^interface_types.InterfaceIndex(0)}
}

func interfacesStream(conn *core.Connection, order Order) (int, error) {
	client := interfaces.NewServiceClient(conn)
	items := 0
	for i := 0; i < order.Count; i++ {
		stream, err := client.SwInterfaceDump(context.Background(), allInterfaces())
		if err != nil {
			return items, err
		}
		for {
			if _, err = stream.Recv(); err != nil {
				break
			}
			items++
		}
		if !errors.Is(err, io.EOF) {
			return items, err
		}
	}
	return items, nil
}
