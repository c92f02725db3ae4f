using RftService.GraderHost;

using var input = new StreamReader(Console.OpenStandardInput());
using var output = Console.OpenStandardOutput();
return new GraderLoop(input, output).Run();
