module vpplb/test/peers/gomemif

go 1.21

require go.fd.io/govpp/extras v0.1.0
