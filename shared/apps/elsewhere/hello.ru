# Rack, Ruby's contract. A server that knows it: rackup hello.ru
run do |env|
  [200, { 'content-type' => 'text/plain' }, ["Hello from #{env['PATH_INFO']}!\n"]]
end
