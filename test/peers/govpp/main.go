// Command govpp talks to a VPP with govpp, as any controller written in Go would, and prints what it saw as JSON. It is
// told nothing about who serves the socket. VIP and servers are in the one encoding that every VPP takes: an IPv4
// prefix as IPv6 with its address in the last four bytes and 96 added to its length.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/sirupsen/logrus"
	"go.fd.io/govpp"
	"go.fd.io/govpp/api"
	interfaces "go.fd.io/govpp/binapi/interface"
	"go.fd.io/govpp/binapi/interface_types"
	"go.fd.io/govpp/binapi/ip_types"
	"go.fd.io/govpp/binapi/lb"
	"go.fd.io/govpp/binapi/lb_types"
	"go.fd.io/govpp/binapi/memclnt"
	"go.fd.io/govpp/binapi/vlib"
	"go.fd.io/govpp/binapi/vpe"
	"go.fd.io/govpp/core"
)

const timeout = 20 * time.Second

// Seen is what the test judges.
type Seen struct {
	Govpp            string   `json:"govpp"`
	PingPid          uint32   `json:"pingPid"`
	PingRetval       int32    `json:"pingRetval"`
	Program          string   `json:"program"`
	Version          string   `json:"version"`
	Loopback         uint32   `json:"loopback"`
	Interfaces       []string `json:"interfaces"`
	AddVip           string   `json:"addVip"`
	AddVipAgain      string   `json:"addVipAgain"`
	Servers          []string `json:"servers"`
	ServersAfterward []string `json:"serversAfterward"`
	ShowLb           string   `json:"showLb"`
	UnknownVip       string   `json:"unknownVip"`
	Pings            int      `json:"pings"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: govpp SOCKET")
		os.Exit(2)
	}
	quiet := logrus.New()
	quiet.Level = logrus.ErrorLevel
	core.SetLogger(quiet)
	seen, err := talk(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "govpp:", err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(seen); err != nil {
		os.Exit(1)
	}
}

func talk(socket string) (*Seen, error) {
	conn, err := govpp.Connect(socket)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer conn.Disconnect()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	seen := &Seen{Govpp: govpp.Version()}
	steps := []func(context.Context, *core.Connection, *Seen) error{introduce, dumpInterfaces, program, remove, pipeline}
	for _, step := range steps {
		if err := step(ctx, conn, seen); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

func introduce(ctx context.Context, conn *core.Connection, seen *Seen) error {
	ping, err := memclnt.NewServiceClient(conn).ControlPing(ctx, &memclnt.ControlPing{})
	if err != nil {
		return fmt.Errorf("control_ping: %w", err)
	}
	seen.PingPid, seen.PingRetval = ping.VpePID, ping.Retval
	version, err := vpe.NewServiceClient(conn).ShowVersion(ctx, &vpe.ShowVersion{})
	if err != nil {
		return fmt.Errorf("show_version: %w", err)
	}
	seen.Program, seen.Version = version.Program, version.Version
	return nil
}

func dumpInterfaces(ctx context.Context, conn *core.Connection, seen *Seen) error {
	client := interfaces.NewServiceClient(conn)
	created, err := client.CreateLoopback(ctx, &interfaces.CreateLoopback{})
	if err != nil {
		return fmt.Errorf("create_loopback: %w", err)
	}
	seen.Loopback = uint32(created.SwIfIndex)
	stream, err := client.SwInterfaceDump(ctx, &interfaces.SwInterfaceDump{SwIfIndex: ^interface_types.InterfaceIndex(0)})
	if err != nil {
		return fmt.Errorf("sw_interface_dump: %w", err)
	}
	for {
		details, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("sw_interface_details: %w", err)
		}
		seen.Interfaces = append(seen.Interfaces, details.InterfaceName)
	}
	_, err = client.DeleteLoopback(ctx, &interfaces.DeleteLoopback{SwIfIndex: created.SwIfIndex})
	return err
}

// anyVersion encodes an IPv4 prefix so that every VPP's lb plugin understands it.
func anyVersion(address string, length uint8) ip_types.AddressWithPrefix {
	var ip6 ip_types.IP6Address
	copy(ip6[12:], net.ParseIP(address).To4())
	return ip_types.AddressWithPrefix{
		Address: ip_types.Address{Af: ip_types.ADDRESS_IP6, Un: ip_types.AddressUnionIP6(ip6)},
		Len:     96 + length,
	}
}

func program(ctx context.Context, conn *core.Connection, seen *Seen) error {
	client := lb.NewServiceClient(conn)
	vip := &lb.LbAddDelVipV2{
		Pfx: anyVersion("10.2.2.0", 24), Protocol: 255, Encap: lb_types.LB_API_ENCAP_TYPE_GRE4, NewFlowsTableLength: 1024,
	}
	_, err := client.LbAddDelVipV2(ctx, vip)
	seen.AddVip = describe(err)
	_, err = client.LbAddDelVipV2(ctx, vip)
	seen.AddVipAgain = describe(err)
	for _, address := range []string{"10.60.1.3", "10.60.1.2"} {
		if err := changeServer(ctx, client, address, false); err != nil {
			return fmt.Errorf("lb_add_del_as: %w", err)
		}
	}
	if seen.Servers, err = dumpServers(ctx, client); err != nil {
		return err
	}
	shown, err := vlib.NewServiceClient(conn).CliInband(ctx, &vlib.CliInband{Cmd: "show lb vips verbose"})
	if err != nil {
		return fmt.Errorf("cli_inband: %w", err)
	}
	seen.ShowLb = shown.Reply
	return nil
}

func changeServer(ctx context.Context, client lb.RPCService, address string, isDel bool) error {
	as, err := ip_types.ParseAddress(address)
	if err != nil {
		return err
	}
	_, err = client.LbAddDelAs(ctx, &lb.LbAddDelAs{
		Pfx: anyVersion("10.2.2.0", 24), Protocol: 255, AsAddress: as, IsDel: isDel,
	})
	return err
}

// dumpServers gives "address flags" of every server.
func dumpServers(ctx context.Context, client lb.RPCService) ([]string, error) {
	stream, err := client.LbAsDump(ctx, &lb.LbAsDump{Pfx: anyVersion("10.2.2.0", 24), Protocol: 255})
	if err != nil {
		return nil, fmt.Errorf("lb_as_dump: %w", err)
	}
	servers := []string{}
	for {
		details, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return servers, nil
		}
		if err != nil {
			return nil, fmt.Errorf("lb_as_details: %w", err)
		}
		servers = append(servers, fmt.Sprintf("%s %d", details.AppSrv, details.Flags))
	}
}

func remove(ctx context.Context, conn *core.Connection, seen *Seen) error {
	client := lb.NewServiceClient(conn)
	err := changeServer(ctx, client, "10.60.1.3", true)
	if err != nil {
		return fmt.Errorf("lb_add_del_as, del: %w", err)
	}
	if seen.ServersAfterward, err = dumpServers(ctx, client); err != nil {
		return err
	}
	vip := &lb.LbAddDelVipV2{Pfx: anyVersion("10.2.2.0", 24), Protocol: 255, IsDel: true}
	if _, err := client.LbAddDelVipV2(ctx, vip); err != nil {
		return fmt.Errorf("lb_add_del_vip_v2, del: %w", err)
	}
	_, err = client.LbAddDelVipV2(ctx, vip)
	seen.UnknownVip = describe(err)
	return nil
}

// pipeline asks without waiting, then takes the answers in order.
func pipeline(_ context.Context, conn *core.Connection, seen *Seen) error {
	const count = 500
	ch, err := conn.NewAPIChannelBuffered(count, count)
	if err != nil {
		return err
	}
	defer ch.Close()
	ch.SetReplyTimeout(timeout)
	requests := make([]api.RequestCtx, count)
	for i := range requests {
		requests[i] = ch.SendRequest(&memclnt.ControlPing{})
	}
	for _, request := range requests {
		if err := request.ReceiveReply(&memclnt.ControlPingReply{}); err != nil {
			return fmt.Errorf("pipelined control_ping %d: %w", seen.Pings, err)
		}
		seen.Pings++
	}
	return nil
}

// describe gives govpp's own words for a retval.
func describe(err error) string {
	var code api.VPPApiError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &code):
		return fmt.Sprintf("retval %d", int32(code))
	default:
		return err.Error()
	}
}
