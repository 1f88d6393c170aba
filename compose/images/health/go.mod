module caldera/health

go 1.21
